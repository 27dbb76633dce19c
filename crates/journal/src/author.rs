//! Writing entries: a node's key and process lifetime, and the genesis entry that a federation stands on.

use std::sync::Arc;

use folkmoot_domain::hub::HubName;
use folkmoot_proto::federation::v1;

use crate::entry::{Body, Entry, FORMAT, Header, PAYLOAD_LIMIT, PayloadKind, payload_hash};
use crate::fault::Fault;
use crate::id::{FederationId, Hash, Incarnation};
use crate::key::{Context, LogKey, LogPublicKey, Signature};
use crate::payload::{Opening, Payload, encode_opening};
use crate::topic::{Cursor, Topic};

/// Who writes: the key, the process lifetime, the federation.
#[derive(Clone, Debug)]
pub struct Author {
    /// Signs.
    pub key: Arc<LogKey>,
    /// Of this process.
    pub incarnation: Incarnation,
    /// Whose logs these are.
    pub federation: FederationId,
}

impl Author {
    /// Writes and signs the entry after `previous`, or the opening of a log where there is none. `salt` is 16 random
    /// bytes, `minute` counts from 1970-01-01T00:00Z.
    pub fn write(
        &self,
        topic: Topic,
        previous: Option<&Cursor>,
        kind: PayloadKind,
        payload: Vec<u8>,
        salt: [u8; 16],
        minute: u32,
    ) -> Result<Entry, Fault> {
        let mut entry = self.write_unsigned(topic, previous, kind, payload, salt, minute)?;
        self.sign(&mut entry);
        Ok(entry)
    }

    /// As [`Author::write`], without the signature: for entries that a later one of the same batch covers through the
    /// chain. No frame can end on it.
    pub fn write_unsigned(
        &self,
        topic: Topic,
        previous: Option<&Cursor>,
        kind: PayloadKind,
        payload: Vec<u8>,
        salt: [u8; 16],
        minute: u32,
    ) -> Result<Entry, Fault> {
        let (seq, prev_hash) = match previous {
            None => (1, Hash::ZERO),
            Some(tip) if tip.author == self.key.id() && tip.incarnation == self.incarnation => (tip.seq + 1, tip.hash),
            Some(_) => return Err(Fault::Chain),
        };
        let header = Header {
            format: FORMAT,
            federation: self.federation,
            topic,
            author: self.key.id(),
            incarnation: self.incarnation,
            seq,
            prev_hash,
            payload_kind: kind,
            payload_hash: payload_hash(&salt, &payload),
            payload_size: payload.len() as u32,
            written_at: minute,
        };
        header.check_start()?;
        if payload.len() > PAYLOAD_LIMIT {
            return Err(Fault::TooLarge("a payload over 512 KiB"));
        }
        Ok(Entry::new(header, None, Some(Body { salt, payload })))
    }

    /// Signs an entry of this author's, of whichever process lifetime.
    pub fn sign(&self, entry: &mut Entry) {
        debug_assert_eq!(entry.header.author, self.key.id(), "nobody signs another's entry");
        entry.signature = Some(self.key.sign(Context::Entry, &entry.header.encode()));
    }
}

/// What a federation stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The Academy's name.
    pub name: HubName,
    /// Signs the Academy's entries.
    pub log_key: LogPublicKey,
    /// The certificate of the federation's certificate authority, DER.
    pub ca_certificate: Vec<u8>,
    /// The Academy's TLS key: SubjectPublicKeyInfo, DER.
    pub tls_key: Vec<u8>,
}

/// Writes the genesis entry: the opening of the Academy's first `directory` log, whose `federation` field is zeros and
/// whose hash is the federation id. `genesis.log_key` must be the public half of `key`.
pub fn found(
    key: &LogKey,
    incarnation: Incarnation,
    genesis: &Genesis,
    salt: [u8; 16],
    minute: u32,
) -> (Entry, FederationId) {
    let payload = encode_opening(&Opening { earlier: Vec::new(), genesis: Some(genesis.clone()) });
    let header = Header {
        format: FORMAT,
        federation: FederationId::ZERO,
        topic: Topic::Directory,
        author: key.id(),
        incarnation,
        seq: 1,
        prev_hash: Hash::ZERO,
        payload_kind: PayloadKind::Opening,
        payload_hash: payload_hash(&salt, &payload),
        payload_size: payload.len() as u32,
        written_at: minute,
    };
    let signature = key.sign(Context::Entry, &header.encode());
    let entry = Entry::new(header, Some(signature), Some(Body { salt, payload }));
    let federation = FederationId(entry.hash.0);
    (entry, federation)
}

/// Checks that an entry is the genesis entry which the federation id names, and reads it.
pub fn check_genesis(entry: &Entry, federation: FederationId) -> Result<Genesis, Fault> {
    let header = &entry.header;
    if entry.header.hash().0 != federation.0 {
        return Err(Fault::Genesis("its hash is another"));
    }
    if header.federation != FederationId::ZERO || header.topic != Topic::Directory || header.seq != 1 {
        return Err(Fault::Genesis("it does not open a directory"));
    }
    let body = entry.body.as_ref().ok_or(Fault::Genesis("its payload is missing"))?;
    if payload_hash(&body.salt, &body.payload) != header.payload_hash {
        return Err(Fault::PayloadHash);
    }
    let genesis = match Payload::decode(header.payload_kind, &body.payload)? {
        Some(Payload::Opening(Opening { genesis: Some(genesis), .. })) => genesis,
        Some(_) | None => return Err(Fault::Genesis("it says nothing of a federation")),
    };
    if genesis.log_key.id() != header.author {
        return Err(Fault::Genesis("its author is not its key"));
    }
    let signature = entry.signature.as_ref().ok_or(Fault::Genesis("its signature is missing"))?;
    genesis.log_key.verify(Context::Entry, &header.encode(), signature)?;
    Ok(genesis)
}

impl Entry {
    /// The message that carries one entry with everything that verifies it.
    pub fn to_wire(&self) -> v1::Entry {
        v1::Entry {
            header: self.header.encode().to_vec(),
            signature: self.signature.map(|signature| signature.0.to_vec()).unwrap_or_default(),
            salt: self.body.as_ref().map(|body| body.salt.to_vec()).unwrap_or_default(),
            payload: self.body.as_ref().map(|body| body.payload.clone()),
        }
    }

    /// Reads the message and checks the payload against its hash; the signature is the caller's to check.
    pub fn from_wire(wire: &v1::Entry) -> Result<Self, Fault> {
        let header = Header::decode(&wire.header)?;
        let signature = if wire.signature.is_empty() { None } else { Some(Signature::from_slice(&wire.signature)?) };
        let body = match &wire.payload {
            None => None,
            Some(payload) => {
                let salt = wire.salt.as_slice().try_into().map_err(|_| Fault::Form("a salt is not 16 bytes"))?;
                if payload_hash(&salt, payload) != header.payload_hash || payload.len() as u32 != header.payload_size {
                    return Err(Fault::PayloadHash);
                }
                Some(Body { salt, payload: payload.clone() })
            }
        };
        Ok(Entry::new(header, signature, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{pack, unpack};

    fn founded() -> (LogKey, Entry, FederationId) {
        let key = LogKey::from_seed(&[1; 32]);
        let genesis = Genesis {
            name: "National Academy".parse().unwrap(),
            log_key: key.public(),
            ca_certificate: vec![1; 400],
            tls_key: vec![2; 91],
        };
        let (entry, federation) = found(&key, Incarnation(3), &genesis, [4; 16], 5);
        assert_eq!(check_genesis(&entry, federation), Ok(genesis));
        (key, entry, federation)
    }

    #[test]
    fn the_genesis_entry_names_the_federation_and_crosses_the_wire_both_ways() {
        let (_, entry, federation) = founded();
        assert_eq!(Entry::from_wire(&entry.to_wire()), Ok(entry.clone()));
        let unpacked = unpack(&pack(std::slice::from_ref(&entry)).unwrap(), federation).unwrap();
        assert_eq!(unpacked.entries, std::slice::from_ref(&entry));
        let frame = pack(&[entry]).unwrap();
        assert_eq!(unpack(&frame, FederationId([7; 32])), Err(Fault::OtherFederation));
    }

    #[test]
    fn another_entry_is_no_genesis() {
        let check = |change: fn(&mut Entry)| {
            let (_, mut entry, _) = founded();
            change(&mut entry);
            entry.hash = entry.header.hash();
            let federation = FederationId(entry.hash.0);
            assert!(check_genesis(&entry, federation).is_err(), "{entry:?}");
        };
        check(|entry| entry.header.written_at += 1);
        check(|entry| entry.header.author = LogKey::from_seed(&[9; 32]).id());
        check(|entry| entry.header.topic = Topic::Curriculum);
        check(|entry| entry.signature = None);
        check(|entry| entry.body = None);
        check(|entry| entry.body.as_mut().unwrap().salt = [0; 16]);
        let (_, entry, _) = founded();
        assert!(check_genesis(&entry, FederationId([1; 32])).is_err());
    }

    #[test]
    fn an_author_continues_its_own_logs_alone() {
        let (key, entry, federation) = founded();
        let author = Author { key: Arc::new(key), incarnation: Incarnation(3), federation };
        let write = |author: &Author, tip: Option<&Cursor>, kind| {
            author.write(Topic::Directory, tip, kind, Vec::new(), [0; 16], 6).map(|entry| entry.header.seq)
        };
        let tip = entry.cursor();
        assert_eq!(write(&author, Some(&tip), PayloadKind::HubRecord), Ok(2));
        assert_eq!(write(&author, None, PayloadKind::HubRecord), Err(Fault::Chain), "a log begins with its opening");
        assert_eq!(write(&author, Some(&tip), PayloadKind::Opening), Err(Fault::Chain), "and has only one");
        let of_a_batch = |author: &Author| {
            author.write_unsigned(Topic::Directory, Some(&tip), PayloadKind::HubRecord, Vec::new(), [0; 16], 6)
        };
        let mut inner = of_a_batch(&author).unwrap();
        let whole = author.write(Topic::Directory, Some(&tip), PayloadKind::HubRecord, Vec::new(), [0; 16], 6).unwrap();
        assert_eq!((inner.signature, inner.hash), (None, whole.hash));
        author.sign(&mut inner);
        assert_eq!(inner, whole);
        let restarted = Author { incarnation: Incarnation(4), ..author };
        assert_eq!(write(&restarted, Some(&tip), PayloadKind::HubRecord), Err(Fault::Chain));
    }
}
