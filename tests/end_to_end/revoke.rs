//! A revoked hub is cut off at once; the others go on.

use std::time::{Duration, Instant};

use folkmoot_tests::generator::{Programme, Size, write};

use crate::client::Client;
use crate::command::{folkmoot, text};
use crate::federation::Federation;
use crate::restore::wait_until;

#[test]
fn a_revoked_hub_is_cut_off_within_a_second() {
    let programme = Programme::draw(81, &[Size::Large, Size::Large]);
    let federation = Federation::found();
    federation.add_programme(programme.code, programme.first, programme.last);
    let [out, stays] = [0, 1].map(|at| {
        let hub = federation.hub(&format!("H{at}"), &programme.hubs[at].name);
        let sheets = federation.path(&format!("sheets{at}"));
        write::neat(&programme.hubs[at], &sheets).expect("sheets");
        hub.import(&sheets).json(0);
        hub.approve("2018/19").done();
        hub.sync();
        hub
    });
    let client = Client::of(&out.folder);
    wait_until("a stream is open", || client.status().peers.iter().any(|peer| peer.connected));

    federation.academy(&["hub", "revoke"], &["--name", &programme.hubs[0].name]).done();
    let revoked = Instant::now();
    wait_until("the stream is cut", || client.status().peers.iter().all(|peer| !peer.connected));
    let took = revoked.elapsed();
    assert!(took < Duration::from_secs(1), "cut off after {took:?}");

    out.approve("2019/20").done();
    let refused = folkmoot(&["sync", "--data", text(&out.folder), "--wait", "--timeout", "3"]);
    assert!(matches!(refused.code, Some(1 | 4)), "{refused}");
    wait_until("the hub is told", || {
        let status = client.status();
        let told = status.notices.iter().chain(status.peers.iter().map(|peer| &peer.last_error));
        told.into_iter().any(|words| words.contains("revoked"))
    });
    assert!(out.indicators("2018/19")["listenings"] > 0, "a hub works alone");

    stays.approve("2019/20").done();
    stays.sync();
    let report = federation.report("2019/20");
    assert_eq!(report.headline("people_trained")["hubs"], 1, "nothing of the revoked hub since");
    let report = federation.report("2018/19");
    assert_eq!(report.headline("people_trained")["hubs"], 2, "what it had released stays");
    let listed = federation.academy(&["hub", "list"], &[]).done();
    assert!(listed.contains("Cut off"), "{listed}");
    // Its name's code is spent; a process started anew is refused just the same.
    let folder = out.stop();
    let again = crate::federation::Hub::serve(folder);
    let refused = folkmoot(&["sync", "--data", text(&again.folder), "--wait", "--timeout", "3"]);
    assert!(matches!(refused.code, Some(1 | 4)), "{refused}");
}
