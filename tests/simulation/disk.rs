//! What only whoever opens the file sees.

use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::MAIN_DB;

/// The disk of a store that forgets which changes wait for others.
pub(crate) fn without_waiting_changes(bytes: &[u8]) -> Vec<u8> {
    let mut connection = Connection::open_in_memory().expect("a database in memory");
    connection.deserialize_read_exact(MAIN_DB, bytes, bytes.len(), false).expect("a snapshot opens");
    connection.execute("DELETE FROM campaign_waiting", []).expect("the table of waiting changes");
    connection.serialize(MAIN_DB).expect("a snapshot").to_vec()
}

/// The heads of a document as automerge reads it.
pub(crate) fn heads(document: &[u8]) -> BTreeSet<Vec<u8>> {
    let document = automerge::Automerge::load(document).expect("a document");
    document.get_heads().into_iter().map(|head| head.0.to_vec()).collect()
}
