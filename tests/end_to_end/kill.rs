//! kill -9, at moments that a seed draws.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::mpsc;
use std::thread;

use folkmoot_proto::hub::v1::import_records_response::Part;
use folkmoot_tests::chance::Chance;
use folkmoot_tests::generator::{Programme, Size, write};
use serde_json::Value;

use crate::client::Client;
use crate::command::{DEADLINE, signal};
use crate::federation::{Federation, Hub, array, sync};
use crate::programme::check_figures;
use crate::relay::Relay;

#[test]
fn a_hub_killed_while_it_imports_goes_on_where_it_was() {
    let programme = Programme::draw(51, &[Size::Large]);
    let federation = Federation::found();
    federation.add_programme(programme.code, programme.first, programme.last);
    let mut folder = federation.joined("H", &programme.hubs[0].name, &[]);
    let sheets = federation.path("sheets");
    write::neat(&programme.hubs[0], &sheets).expect("sheets");

    let mut chance = Chance::new(51);
    // What a file's result counted is durable.
    let mut durable: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..8 {
        let hub = Hub::serve(folder);
        let client = Client::of(&hub.folder);
        let mut left = chance.below(6 + 3 * round);
        let id = hub.node.id();
        let broken = client.import(&sheets, |answer| {
            if let Some(Part::Result(result)) = &answer.part {
                assert_eq!(result.refused, 0, "{result:?}");
                durable.insert(result.file.clone(), result.read);
            }
            if left == 0 {
                signal(id, "KILL");
                return ControlFlow::Break(());
            }
            left -= 1;
            ControlFlow::Continue(())
        });
        // Killed under the client's hands, or done before its turn came: both are fine.
        drop(broken);
        folder = hub.kill();
    }

    let hub = Hub::serve(folder);
    let json = hub.import(&sheets).json(0);
    for file in array(&json["files"]) {
        if let Some(read) = durable.get(file["file"].as_str().unwrap_or_default()) {
            assert_eq!(file["unchanged"].as_u64(), Some(*read), "counted as durable before: {file}");
        }
    }
    check_figures(&hub, &programme, 0);
    let again = hub.import(&sheets).json(0);
    for file in array(&again["files"]) {
        assert_eq!((&file["created"], &file["updated"]), (&0.into(), &0.into()), "{file}");
    }
    check_figures(&hub, &programme, 0);
}

#[test]
fn a_node_killed_while_it_exchanges_loses_nothing_acknowledged() {
    let relay = Relay::start();
    let programme = Programme::draw(61, &[Size::Large]);
    let mut federation = Federation::unserved(&["--address", &relay.address]);
    federation.serve_academy();
    relay.aim(&federation.academy.as_ref().expect("an Academy").listens());
    federation.add_programme(programme.code, programme.first, programme.last);
    let mut hub = federation.hub("H", &programme.hubs[0].name);
    let sheets = federation.path("sheets");
    write::neat(&programme.hubs[0], &sheets).expect("sheets");
    hub.import(&sheets).json(0);

    let mut chance = Chance::new(61);
    let windows = programme.windows();
    let mut in_the_middle = 0;
    for (round, window) in windows.iter().enumerate() {
        let kill_academy = round % 2 == 0;
        let victim = if kill_academy { federation.academy.as_ref().expect("an Academy").id() } else { hub.node.id() };
        let (struck, strikes) = mpsc::channel();
        relay.strike_after(chance.below(2_500) as u64, move || {
            signal(victim, "KILL");
            let _ = struck.send(());
        });
        hub.approve(&window.code);
        let folder = hub.folder.clone();
        let waiting = thread::spawn(move || sync(&folder));
        // Either the blow falls in the middle, or the exchange was shorter than that: then it falls after it.
        let mut fell = false;
        while !fell && !waiting.is_finished() {
            fell = strikes.recv_timeout(DEADLINE / 600).is_ok();
        }
        if !fell && relay.spare() {
            signal(victim, "KILL");
        }
        in_the_middle += usize::from(fell);
        if kill_academy {
            federation.academy.take().expect("an Academy").kill();
            federation.serve_academy();
            waiting.join().expect("the waiting command").done();
        } else {
            drop(waiting.join().expect("the waiting command"));
            hub = Hub::serve(hub.kill());
        }
        // What the command acknowledged stands; what it could not say is approved now.
        hub.approve(&window.code).done();
    }
    hub.sync();
    assert!(in_the_middle * 3 > windows.len(), "only {in_the_middle} blows fell in the middle");

    let client = Client::of(&hub.folder);
    assert_eq!(client.releases().len(), windows.len(), "each period released once");
    let status = client.status();
    assert_eq!((status.entries_waiting, status.releases_waiting, status.set_aside.len()), (0, 0, 0), "{status:?}");
    let academy = Client::of(&federation.academy_folder()).status();
    assert_eq!(academy.set_aside.len(), 0, "{academy:?}");
    for window in &windows {
        let report = federation.report(&window.code);
        let released = client.release(&format!("{}.0", window.code.replace('/', "-")));
        for cell in released.cells.iter().filter(|cell| cell.dimension.is_empty()) {
            let line = report.headline(&cell.indicator);
            assert_eq!(line["hubs"], 1, "{line}");
            use folkmoot_proto::hub::v1::published_figure::Figure;
            let expected = match cell.published.as_ref().and_then(|published| published.figure) {
                Some(Figure::Exact(value)) => Value::from(value),
                Some(Figure::Rounded(_) | Figure::Below(_) | Figure::Withheld(_)) | None => Value::Null,
            };
            assert_eq!(line["value"], expected, "{} in {}", cell.indicator, window.code);
        }
    }
}
