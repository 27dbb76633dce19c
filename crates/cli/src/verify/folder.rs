//! The folder of an export: written from what a node hands out, and read back to be examined.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use folkmoot_journal::export::{Examination, Examined, MANIFEST, Manifest};
use folkmoot_journal::{Directory, FederationId};
use folkmoot_node::generated::academy::verification_service_client::VerificationServiceClient;
use folkmoot_proto::academy::v1::export_releases_response::Part;
use folkmoot_proto::academy::v1::{ExportReleasesRequest, ExportedBytes};
use tonic::transport::Channel;

use super::finding::{self, Finding};
use super::published;
use crate::failure::Failure;

/// What was written.
pub(super) struct Written {
    pub(super) federation: FederationId,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// Has the node hand out an export, and writes it into a new or empty folder. The manifest is written last: a folder
/// without it is no export.
pub(super) async fn write(channel: Channel, target: &Path) -> Result<Written, Failure> {
    make_folder(target)?;
    let mut parts =
        VerificationServiceClient::new(channel).export_releases(ExportReleasesRequest {}).await?.into_inner();
    let (mut manifest, mut figures, mut files) = (Vec::new(), Vec::new(), Files::default());
    while let Some(answer) = parts.message().await? {
        match answer.part {
            Some(Part::Bytes(ExportedBytes { path, content })) if path == MANIFEST => manifest.extend(content),
            Some(Part::Bytes(stretch)) => files.append(target, &manifest, stretch)?,
            Some(Part::Figures(period)) => figures.push(published::Period::of_wire(period)),
            // A newer node may send more than this client knows.
            None => {}
        }
    }
    let federation = match Manifest::read(&manifest) {
        Ok((manifest, _)) => manifest.federation,
        Err(misfit) => return Err(Failure::Told(finding::of_logs(misfit, &Directory::default()).line())),
    };
    let figures = published::render(federation, &figures);
    files.put(target, published::FILE, figures.as_bytes())?;
    files.put(target, MANIFEST, &manifest)?;
    Ok(Written { federation, files: files.count, bytes: files.bytes })
}

fn make_folder(target: &Path) -> Result<(), Failure> {
    fs::create_dir_all(target).map_err(Failure::file("make", target))?;
    let mut inside = fs::read_dir(target).map_err(Failure::file("read", target))?;
    match inside.next() {
        None => Ok(()),
        Some(_) => Err(Failure::Told(format!(
            "{} is not empty: name a folder that is, or that is not there yet",
            target.display()
        ))),
    }
}

/// The files beside the manifest, as they are written.
#[derive(Default)]
struct Files {
    allowed: BTreeSet<String>,
    begun: BTreeSet<String>,
    open: Option<(String, File)>,
    count: u64,
    bytes: u64,
}

impl Files {
    /// Appends to a file that the manifest names, and to no other.
    fn append(&mut self, target: &Path, manifest: &[u8], stretch: ExportedBytes) -> Result<(), Failure> {
        let ExportedBytes { path, content } = stretch;
        if self.allowed.is_empty() {
            let named = Manifest::read(manifest).map(|(manifest, _)| manifest.files()).unwrap_or_default();
            self.allowed.extend(named);
        }
        let place = target.join(&path);
        if self.open.as_ref().is_none_or(|(open, _)| *open != path) {
            if !self.allowed.contains(&path) || !self.begun.insert(path.clone()) {
                return Err(Failure::Told(
                    "the node sent a file that its manifest does not name: upgrade this program".into(),
                ));
            }
            if let Some(folder) = place.parent() {
                fs::create_dir_all(folder).map_err(Failure::file("make", folder))?;
            }
            let file = OpenOptions::new().write(true).create_new(true).open(&place);
            self.open = Some((path, file.map_err(Failure::file("write", &place))?));
            self.count += 1;
        }
        self.bytes += content.len() as u64;
        match &mut self.open {
            Some((_, file)) => file.write_all(&content).map_err(Failure::file("write", &place)),
            None => Ok(()),
        }
    }

    fn put(&mut self, target: &Path, name: &str, content: &[u8]) -> Result<(), Failure> {
        let place = target.join(name);
        fs::write(&place, content).map_err(Failure::file("write", &place))?;
        self.count += 1;
        self.bytes += content.len() as u64;
        Ok(())
    }
}

/// A file of an export; none where it is not there.
pub(super) fn read(source: &Path, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    let place = source.join(name);
    match fs::read(&place) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file("read", &place)(error)),
    }
}

/// Examines the logs of an export.
pub(super) fn examine(source: &Path, federation: Option<FederationId>) -> Result<Result<Examined, Finding>, Failure> {
    let Some(manifest) = read(source, MANIFEST)? else {
        return Err(Failure::Told(format!(
            "{} holds no {MANIFEST}: name the folder of an export, as `folkmoot academy export` makes it",
            source.display()
        )));
    };
    let mut examination = match Examination::begin(&manifest, federation) {
        Ok(examination) => examination,
        Err(misfit) => return Ok(Err(finding::of_logs(misfit, &Directory::default()))),
    };
    while let Some(file) = examination.wants() {
        let bytes = read(source, file)?;
        if let Err(misfit) = examination.take(bytes.as_deref()) {
            return Ok(Err(finding::of_logs(misfit, examination.directory())));
        }
    }
    let directory = examination.directory().clone();
    Ok(examination.end().map_err(|misfit| finding::of_logs(misfit, &directory)))
}
