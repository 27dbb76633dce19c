//! Joining a federation with an invite code.
//!
//! First the Academy proves itself: its genesis entry hashes to the code's federation id, and the connection's
//! certificate is signed by the genesis' authority for the Academy's own id, so that no hub can stand in for it. Only
//! then the token leaves.

use std::path::Path;

use folkmoot_journal::{Context, Entry, FederationId, Genesis, Hash, check_genesis};
use folkmoot_proto::federation::v1::{EnrolRequest, EnrolResponse, GetGenesisRequest};
use folkmoot_store::{Role, Store};
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::{
    Error,
    dial::{CALL, Line, dial},
    exchange::LARGEST_MESSAGE,
    folder::{self, Folder},
    generated::federation::enrolment_service_client::EnrolmentServiceClient,
    identity::Identity,
    invite::InviteCode,
    node::{Certified, Clock},
    settings::{Overrides, Settings, role_code, with_academy},
    status::words_of,
    tls::{self, Expected},
};

/// The directory in one answer: room for thousands of hubs.
const LARGEST_ANSWER: usize = 64 * LARGEST_MESSAGE;

/// Answers in which the Academy says what is wrong with the code, the name or the keys.
const REFUSALS: [Code; 6] = [
    Code::InvalidArgument,
    Code::PermissionDenied,
    Code::FailedPrecondition,
    Code::NotFound,
    Code::AlreadyExists,
    Code::ResourceExhausted,
];

/// What joining gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The hub's name.
    pub name: String,
    /// The Academy's name.
    pub academy: String,
    /// The federation's id.
    pub federation: FederationId,
    /// Whether the hub had joined before, and only its certificate is new.
    pub again: bool,
}

/// Lets the hub in a folder join the federation of an invite code. Doing it again with the same code is harmless.
///
/// # Errors
/// When the code is mistyped, used, expired or another hub's; when the node that answers is not the code's Academy; when
/// the folder is served or belongs to another federation.
pub async fn join(data: &Path, code: &str) -> Result<Joined, Error> {
    join_at(data, code, &Clock::system()).await
}

pub(crate) async fn join_at(data: &Path, code: &str, clock: &Clock) -> Result<Joined, Error> {
    let code = InviteCode::parse(code).map_err(Error::Invite)?;
    let folder = Folder::open(data)?;
    let _lock = folder.lock()?;
    let settings = Settings::read(&folder.settings(), &Overrides::default())?;
    if settings.role != Role::Hub {
        let (found, wanted) = (role_code(settings.role), role_code(Role::Hub));
        return Err(Error::OtherRole { path: folder.path().to_owned(), found, wanted });
    }
    let identity = Identity::open(&folder)?;
    let store = Store::open(&folder.database(), clock.ambient())?;
    let before = store.journal().federation();
    if before.is_some_and(|federation| federation != code.federation) {
        return Err(Error::OtherFederation);
    }
    let (genesis, answer) = enrol(&code, &identity, &settings).await?;
    let address = code.address.to_string();
    let bad = |what: &str| Error::BadAnswer { address: address.clone(), what: what.to_owned() };
    let certificate = answer.certificate;
    Certified::new(&identity, certificate.clone(), None)
        .map_err(|_| bad("the certificate is not for this hub's key"))?;
    if !tls::chains_to(&certificate.clone().into(), &genesis.ca_certificate.clone().into()) {
        return Err(bad("the certificate is not the federation's"));
    }
    store.journal().adopt(code.federation, answer.directory)?;
    let listed = store.journal().directory().member(identity.id()).is_some();
    if !listed {
        return Err(bad("the directory does not list this hub"));
    }
    let file = folder::read(&folder.settings())?;
    let file = with_academy(&String::from_utf8_lossy(&file), &code.address);
    folder::write(&folder.settings(), file.as_bytes())?;
    // Last: a hub with its certificate has joined, whatever cut this short; one without joins again.
    folder::write(&folder.certificate(), &certificate)?;
    Ok(Joined {
        name: settings.name.to_string(),
        academy: genesis.name.to_string(),
        federation: code.federation,
        again: before.is_some(),
    })
}

pub(crate) async fn enrol(
    code: &InviteCode,
    identity: &Identity,
    settings: &Settings,
) -> Result<(Genesis, EnrolResponse), Error> {
    let address = code.address.to_string();
    let line = dial(&code.address, tls::client_config(None, Expected::Anybody)?).await?;
    let mut client = EnrolmentServiceClient::new(line.channel.clone()).max_decoding_message_size(LARGEST_ANSWER);
    let shown = call(&address, client.get_genesis(GetGenesisRequest {})).await?.genesis.unwrap_or_default();
    let genesis = check_academy(code, &line, &Entry::from_wire(&shown).ok())?;
    let certificate_request = identity.certificate_request()?;
    let signed = signed_bytes(code.federation, code.token.expose(), &certificate_request);
    let request = EnrolRequest {
        token: code.token.expose().to_vec(),
        display_name: settings.name.to_string(),
        log_key: identity.log_key.public().0.to_vec(),
        certificate_request,
        address: settings.address.as_ref().map(ToString::to_string).unwrap_or_default(),
        signature: identity.log_key.sign(Context::Enrol, &signed).0.to_vec(),
    };
    let answer = call(&address, client.enrol(request)).await?;
    Ok((genesis, answer))
}

/// What the log key signs when a hub enrols.
pub(crate) fn signed_bytes(federation: FederationId, token: &[u8], certificate_request: &[u8]) -> Vec<u8> {
    [federation.0, Hash::of(token).0, Hash::of(certificate_request).0].concat()
}

fn check_academy(code: &InviteCode, line: &Line, shown: &Option<Entry>) -> Result<Genesis, Error> {
    let wrong = |why| Error::WrongAcademy { address: code.address.to_string(), why };
    let entry = shown.as_ref().ok_or_else(|| wrong("it shows no genesis entry"))?;
    let genesis = check_genesis(entry, code.federation).map_err(|_| wrong("its federation is another"))?;
    if !tls::chains_to(&line.certificate, &genesis.ca_certificate.clone().into()) {
        return Err(wrong("its certificate is not the federation's"));
    }
    match tls::names(&line.certificate, genesis.log_key.id()) {
        true => Ok(genesis),
        false => Err(wrong("its certificate is another node's")),
    }
}

async fn call<T>(address: &str, answer: impl Future<Output = Result<tonic::Response<T>, Status>>) -> Result<T, Error> {
    let bad = |what: String| Error::BadAnswer { address: address.to_owned(), what };
    match timeout(CALL, answer).await {
        Err(_) => Err(bad("none came within 30 seconds".to_owned())),
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) if REFUSALS.contains(&status.code()) => Err(Error::Refused { message: words_of(&status) }),
        Ok(Err(status)) => Err(bad(words_of(&status))),
    }
}
