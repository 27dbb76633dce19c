//! What an export holds, signed by the Academy.

use std::fmt::Write as _;

use super::log::HeldLog;
use super::misfit::{Misfit, Problem};
use crate::author::Author;
use crate::fault::Fault;
use crate::id::{FederationId, Hash, Incarnation, NodeId};
use crate::key::{Context, LogPublicKey, Signature};
use crate::refusal::RefusalReason;
use crate::topic::{LogId, Topic};

/// The name of the manifest's file.
pub const MANIFEST: &str = "manifest.txt";

const TITLE: &str = "folkmoot export 1";
const SIGNATURE: &str = "signature ";

/// What the Academy says that it holds, as of one moment: every log of the directory and of releases, how far it counts,
/// and which of its entries do not count and why. So nobody but the Academy can leave anything out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The federation.
    pub federation: FederationId,
    /// The Academy.
    pub academy: NodeId,
    /// When it was signed: the Academy's minute, from 1970-01-01T00:00Z.
    pub minute: u32,
    /// The logs in the order of their files: first the one that holds the genesis entry.
    pub logs: Vec<HeldLog>,
}

impl Manifest {
    /// The manifest as a text, signed. `author` must be the Academy.
    pub fn sign(&self, author: &Author) -> String {
        let mut text = self.text();
        let signature = author.key.sign(Context::Export, text.as_bytes());
        let _ = writeln!(text, "{SIGNATURE}{}", hexadecimal(&signature.0));
        text
    }

    /// The lines that the signature covers.
    fn text(&self) -> String {
        let Manifest { federation, academy, minute, logs } = self;
        let mut text = format!("{TITLE}\nfederation {federation}\nacademy {academy}\nminute {minute}\n");
        for held in logs {
            let forked = if held.forked { " forked" } else { "" };
            let _ = writeln!(text, "log {} {} {}{forked}", held.name(), held.seq, held.hash);
            for (seq, reason) in &held.set_aside {
                let _ = writeln!(text, "aside {seq} {}", reason.code());
            }
        }
        text
    }

    /// Reads a manifest and checks that it is written just as this software writes it; the signature is the caller's to
    /// check.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn read(bytes: &[u8]) -> Result<(Manifest, Signature), Misfit> {
        let malformed = |words: &str| Misfit::of_file(MANIFEST, Problem::Manifest(words.to_owned()));
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is no text"))?;
        let mut lines = text.lines().peekable();
        if lines.next() != Some(TITLE) {
            return Err(malformed(
                "it does not begin with \"folkmoot export 1\": it is no export, or newer than this software",
            ));
        }
        let mut field = |name: &str| {
            let value = lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.ok_or_else(|| malformed(&format!("it does not say the {name} where it should")))
        };
        let federation = field("federation")?.parse().map_err(|_| malformed("the federation id cannot be read"))?;
        let academy = field("academy")?.parse().map_err(|_| malformed("the Academy's id cannot be read"))?;
        let minute = field("minute")?.parse().map_err(|_| malformed("the minute cannot be read"))?;
        let mut manifest = Manifest { federation, academy, minute, logs: Vec::new() };
        let mut signature = None;
        for line in lines.by_ref() {
            let unreadable = || malformed(&format!("this line cannot be read: {}", line.escape_debug()));
            if let Some(hexadecimal) = line.strip_prefix(SIGNATURE) {
                signature = Some(read_signature(hexadecimal).ok_or_else(unreadable)?);
                break;
            }
            manifest.read_line(line).ok_or_else(unreadable)?;
        }
        let signature = signature.ok_or_else(|| malformed("it ends without a signature"))?;
        let again = format!("{}{SIGNATURE}{}\n", manifest.text(), hexadecimal(&signature.0));
        if again.as_bytes() != bytes {
            return Err(malformed("it is not written as the Academy's software writes it"));
        }
        if manifest.logs.first().is_none_or(|log| log.log.topic != Topic::Directory) {
            return Err(malformed("it does not begin with the directory's log"));
        }
        let rank = |held: &HeldLog| (held.log.topic != Topic::Directory, held.log);
        if !manifest.logs[1..].is_sorted_by(|one, other| rank(one) < rank(other)) {
            return Err(malformed("its logs are not in order, each once"));
        }
        Ok((manifest, signature))
    }

    fn read_line(&mut self, line: &str) -> Option<()> {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["log", name, seq, hash, forked @ ..] => {
                let forked = match forked {
                    [] => false,
                    ["forked"] => true,
                    _ => return None,
                };
                let held = HeldLog {
                    log: read_name(name, self.academy)?,
                    seq: seq.parse().ok()?,
                    hash: hash.parse::<Hash>().ok()?,
                    forked,
                    set_aside: Vec::new(),
                };
                // A log counts for nothing only where it forks at its first entry.
                ((held.seq > 0) == (held.hash != Hash::ZERO) && (held.seq > 0 || forked)).then_some(())?;
                self.logs.push(held);
            }
            ["aside", seq, reason] => {
                let seq: u64 = seq.parse().ok()?;
                let held = self.logs.last_mut()?;
                let after = held.set_aside.last().map_or(0, |(seq, _)| *seq);
                (after < seq && seq <= held.seq).then_some(())?;
                held.set_aside.push((seq, RefusalReason::from_code(reason)?));
            }
            _ => return None,
        }
        Some(())
    }

    /// Checks the Academy's signature.
    ///
    /// # Errors
    /// [`Fault::Signature`] where it does not hold.
    pub fn verify(&self, signature: &Signature, key: &LogPublicKey) -> Result<(), Fault> {
        if key.id() != self.academy {
            return Err(Fault::Signature);
        }
        key.verify(Context::Export, self.text().as_bytes(), signature)
    }

    /// The files beside the manifest that hold entries, in order.
    pub fn files(&self) -> Vec<String> {
        self.logs.iter().flat_map(HeldLog::files).collect()
    }
}

/// The log of a name such as `releases/HUB/INCARNATION`.
fn read_name(name: &str, academy: NodeId) -> Option<LogId> {
    let (topic, incarnation) = name.rsplit_once('/')?;
    let incarnation = (incarnation.len() == 16).then(|| u64::from_str_radix(incarnation, 16).ok())??;
    let (topic, author) = match topic.split_once('/') {
        None => ((topic == "directory").then_some(Topic::Directory)?, academy),
        Some(("releases", hub)) => {
            let hub = hub.parse().ok()?;
            (Topic::Releases(hub), hub)
        }
        Some(_) => return None,
    };
    Some(LogId { topic, author, incarnation: Incarnation(incarnation) })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn read_signature(text: &str) -> Option<Signature> {
    let (first, second) = text.split_at_checked(64)?;
    let (first, second): (Hash, Hash) = (first.parse().ok()?, second.parse().ok()?);
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&first.0);
    signature[32..].copy_from_slice(&second.0);
    Some(Signature(signature))
}
