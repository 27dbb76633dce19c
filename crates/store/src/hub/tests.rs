//! Records come in as lines of CSV here, read and checked as those of an import are.

mod figures;
mod frozen;
mod held;
mod import;
mod record;
mod recount;
mod release;

use std::sync::atomic::{AtomicI64, Ordering};

use folkmoot_domain::calendar::Programme;
use folkmoot_domain::import::{CheckedRow, Columns, File, check_row};

use super::{BatchOutcome, HubStore, ImportRun, Writer};
use crate::engine::{Ambient, Role, Store, UnixMillis};

/// A hub's store whose clock goes on by a second with each look.
fn store() -> Store {
    Store::in_memory(Role::Hub, &"Warminster".parse().unwrap(), ambient()).unwrap()
}

fn ambient() -> Ambient {
    let (clock, random) = (AtomicI64::new(1_600_000_000_000), AtomicI64::new(1));
    Ambient {
        now: Box::new(move || UnixMillis(clock.fetch_add(1_000, Ordering::Relaxed))),
        fill: Box::new(move |bytes| {
            let next = random.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            bytes
                .iter_mut()
                .rev()
                .zip(next.iter().rev().chain(std::iter::repeat(&0)))
                .for_each(|(to, from)| *to = *from);
        }),
    }
}

fn hub() -> HubStore {
    store().hub().unwrap()
}

/// Rows as fields, numbered from 1, in the order of the file's columns.
fn checked<'a>(file: File, rows: impl IntoIterator<Item = Vec<&'a str>>) -> Vec<(u64, CheckedRow)> {
    let (columns, _) = Columns::read(file, file.columns()).unwrap();
    (1..).zip(rows).filter_map(|(number, fields)| Some((number, check_row(&columns, &fields)?))).collect()
}

/// Takes lines of one file as one batch.
const OPERATOR: Writer = Writer { uid: 1000 };

fn take(hub: &HubStore, run: &mut ImportRun, file: File, lines: &str) -> BatchOutcome {
    let rows = checked(file, lines.lines().map(|line| line.trim().split(',').collect()));
    hub.import_batch(run, file, rows, false).unwrap()
}

/// A folder: each file with its lines.
type Folder<'a> = &'a [(File, &'a str)];

/// Imports a folder; gives what became of each file.
fn import(hub: &HubStore, folder: Folder) -> Vec<BatchOutcome> {
    let mut run = ImportRun::new(OPERATOR);
    folder.iter().map(|(file, lines)| take(hub, &mut run, *file, lines)).collect()
}

/// Created, updated, unchanged and refused rows.
fn counts(outcome: &BatchOutcome) -> [u64; 4] {
    let refused = outcome.refused.chunk_by(|one, next| one.0 == next.0).count() as u64;
    [outcome.created, outcome.updated, outcome.unchanged, refused]
}

fn track(hub: &HubStore, programme: &Programme) {
    let programme = programme.clone();
    hub.store.write("track", move |tx| super::track_programme(tx, &programme)).unwrap();
}

fn programme(code: &str, first: &str, last: &str) -> Programme {
    let day = |text| folkmoot_domain::calendar::parse_date(text).unwrap();
    Programme::new(code.parse().unwrap(), code, day(first), day(last)).unwrap()
}

/// Two people, a session, an action and a campaign, and something of each kind.
const SMALL: Folder = &[
    (
        File::People,
        "P-1,Aisha,a@example.org,01,BA12,1999,woman,asian,no,yes
         P-2,Dai,,,,,,,,",
    ),
    (File::Trainers, "P-2,2017-05-01,2020-05-01"),
    (File::Sessions, "S-1,2018-04-03,listening,First steps,classroom,90,P-2"),
    (File::Attendances, "S-1,P-1,completed\nS-1,P-2,left"),
    (File::ListeningCampaigns, "L-1,Doors,place,2018-04-01,,2018-09-01"),
    (
        File::Listenings,
        "C-1,2018-04-05,P-2,P-1,L-1,door,E05000001,damp;buses,concern,no,said so
         C-2,2018-04-06,P-2,,,street,,,vision,no,
         C-3,2018-04-06,P-2,,,street,,,vision,yes,",
    ),
    (File::Actions, "A-1,2018-05-01,Litter pick,event,P-1"),
    (File::Participations, "A-1,P-1\nA-1,P-2"),
    (File::Projects, "J-1,2018-06-01,Garden"),
    (File::Funding, "F-1,2018-06-01,Council,12.50"),
];
