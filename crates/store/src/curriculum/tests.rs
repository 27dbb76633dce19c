use folkmoot_journal::{Cursor, Entry, Hash, RefusalReason, pack};

use super::*;
use crate::journal::tests::{Node, academy, federation, forged, hub, push, reasons, sync};

fn code(text: &str) -> ItemCode {
    text.parse().expect("a code")
}

fn draft(item: &str, text: &str) -> EditionDraft {
    EditionDraft {
        item: code(item),
        title: format!("On {item}"),
        kind: ItemKind::Session,
        minutes: 90,
        text: text.to_owned(),
    }
}

fn publish(academy: &Node, item: &str, text: &str) -> u32 {
    academy.store.curriculum().publish(draft(item, text)).expect("published").edition.number
}

/// Every edition with its text, as `item.number text`; a retired one in brackets.
fn shown(node: &Node) -> Vec<String> {
    let curriculum = node.store.curriculum();
    let shown = |edition: PublishedEdition| {
        let Edition { item, number, .. } = edition.edition;
        let text = curriculum.edition(&item, Some(number)).expect("an edition").edition.text;
        if edition.retired { format!("({item}.{number} {text})") } else { format!("{item}.{number} {text}") }
    };
    curriculum.editions(true).expect("editions").into_iter().map(shown).collect()
}

#[test]
fn editions_are_numbered_and_read_by_every_hub_alone() {
    let academy = academy();
    let hub = hub(&academy, 2);
    for (item, text, number) in [("power", "one", 1), ("listening", "first", 1), ("power", "two", 2)] {
        assert_eq!(publish(&academy, item, text), number);
    }
    assert_eq!(shown(&hub), [""; 0]);
    assert_eq!(reasons(&push(&academy, &hub)), []);
    assert_eq!(shown(&hub), ["listening.1 first", "power.1 one", "power.2 two"]);
    assert_eq!(shown(&hub), shown(&academy));
    let curriculum = hub.store.curriculum();
    let latest: Vec<String> = curriculum
        .editions(false)
        .expect("editions")
        .into_iter()
        .map(|edition| format!("{}.{}{}", edition.edition.item, edition.edition.number, edition.edition.text))
        .collect();
    assert_eq!(latest, ["listening.1", "power.2"], "without the texts");
    let read = curriculum.edition(&code("power"), None).expect("an edition");
    let published_at = UnixMillis(academy.store.now().0 / 60_000 * 60_000);
    let edition = Edition::new(code("power"), 2, "On power", ItemKind::Session, 90, "two").expect("an edition");
    assert_eq!(read, PublishedEdition { edition, retired: false, published_at });
    for (item, number, name) in [("power", Some(3), "power.3"), ("no", None, "no"), ("no", Some(1), "no.1")] {
        match curriculum.edition(&code(item), number) {
            Err(StoreError::NoSuchEdition { name: named }) => assert_eq!(named, name),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_equals_the_latest_is_not_published_again() {
    let academy = academy();
    let curriculum = academy.store.curriculum();
    let entries = || academy.tips(Topic::Curriculum).first().map(|tip| tip.seq);
    assert_eq!(publish(&academy, "power", "one"), 1);
    assert_eq!(publish(&academy, "power", "two"), 2);
    let before = entries();
    assert_eq!(publish(&academy, "power", "two"), 2);
    let trimmed = EditionDraft { title: " On power ".to_owned(), ..draft("power", "two") };
    assert_eq!(curriculum.publish(trimmed).expect("published").edition.number, 2);
    assert_eq!(entries(), before);
    for (number, other) in [
        (3, draft("power", "one")),
        (4, EditionDraft { title: "Power".to_owned(), ..draft("power", "one") }),
        (5, EditionDraft { minutes: 60, ..draft("power", "one") }),
        (6, EditionDraft { kind: ItemKind::Course, ..draft("power", "one") }),
    ] {
        assert_eq!(curriculum.publish(other.clone()).expect("published").edition.number, number, "{other:?}");
    }
    curriculum.retire(&code("power")).expect("retired");
    let last = EditionDraft { kind: ItemKind::Course, ..draft("power", "one") };
    assert_eq!(curriculum.publish(last).expect("published").edition.number, 7, "a retired one does not come back");
}

#[test]
fn a_retirement_covers_what_there_is_and_deletes_nothing() {
    let academy = academy();
    let hub = hub(&academy, 2);
    let curriculum = academy.store.curriculum();
    assert!(matches!(curriculum.retire(&code("power")), Err(StoreError::NoSuchEdition { .. })));
    publish(&academy, "power", "one");
    publish(&academy, "power", "two");
    publish(&academy, "listening", "first");
    let retired = curriculum.retire(&code("power")).expect("retired");
    let numbers: Vec<(u32, bool)> = retired.iter().map(|edition| (edition.edition.number, edition.retired)).collect();
    assert_eq!(numbers, [(1, true), (2, true)]);
    let tip = academy.tips(Topic::Curriculum);
    assert_eq!(curriculum.retire(&code("power")).expect("retired"), retired);
    assert_eq!(academy.tips(Topic::Curriculum), tip, "retiring again writes nothing");
    push(&academy, &hub);
    let hubs = hub.store.curriculum();
    assert!(matches!(hubs.edition(&code("power"), None), Err(StoreError::NoSuchEdition { .. })));
    assert_eq!(hubs.editions(false).expect("editions").len(), 1);
    assert_eq!(shown(&hub), ["listening.1 first", "(power.1 one)", "(power.2 two)"]);
    assert_eq!(publish(&academy, "power", "three"), 3);
    push(&academy, &hub);
    assert_eq!(hubs.edition(&code("power"), None).expect("an edition").edition.number, 3);
    assert_eq!(shown(&hub), shown(&academy));
}

#[test]
fn only_the_academy_publishes_and_only_what_is_whole() {
    let academy = academy();
    let hub = hub(&academy, 2);
    let hubs = hub.store.curriculum();
    assert!(matches!(hubs.publish(draft("power", "one")), Err(StoreError::WrongRole { .. })));
    assert!(matches!(hubs.retire(&code("power")), Err(StoreError::WrongRole { .. })));
    let nothing = EditionDraft { title: String::new(), minutes: 0, ..draft("power", "") };
    match academy.store.curriculum().publish(nothing) {
        Err(StoreError::EditionRefused { reason }) => {
            assert!(["title: ", "minutes: ", "text: "].iter().all(|field| reason.contains(field)), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(academy.tips(Topic::Curriculum), []);
    let longest = draft("power", &"x".repeat(65_536));
    assert_eq!(academy.store.curriculum().publish(longest.clone()).expect("published").edition.text, longest.text);
}

fn edition(item: &str, number: u32, text: &str) -> (PayloadKind, Vec<u8>) {
    let edition = Edition::new(code(item), number, "Power", ItemKind::Unit, 60, text).expect("an edition");
    (PayloadKind::Edition, encode_edition(&edition))
}

fn retirement(item: &str, edition: u32) -> (PayloadKind, Vec<u8>) {
    (PayloadKind::Retirement, encode_retirement(&Retirement { item: code(item), edition }))
}

/// Logs of two processes of the Academy, of which one wrote what it did not know that the other had written.
fn two_logs(academy: &Node) -> [Vec<Entry>; 2] {
    let log =
        |incarnation, payloads| forged(&academy.key, federation(academy), Topic::Curriculum, incarnation, payloads);
    [
        log(1, vec![edition("power", 1, "one"), edition("power", 2, "left"), edition("listening", 1, "same")]),
        log(2, vec![retirement("power", 1), edition("power", 2, "right"), edition("listening", 1, "same")]),
    ]
}

#[test]
fn nodes_agree_whatever_order_the_entries_came_in() {
    let academy = academy();
    let logs = two_logs(&academy);
    let hash = |log: usize| logs[log][2].hash;
    let expected = if hash(0) < hash(1) { "power.2 left" } else { "power.2 right" };
    for order in [[0, 1], [1, 0]] {
        let hub = hub(&academy, 2 + order[0] as u8);
        for at in order {
            for entry in &logs[at] {
                let kept = hub.keep(&academy, pack(std::slice::from_ref(entry)).expect("packs"));
                assert_eq!(reasons(&[kept]), []);
            }
        }
        assert_eq!(shown(&hub), ["listening.1 same", "(power.1 one)", expected], "{order:?}");
        let again = hub.restored(&hub.store.snapshot().expect("a snapshot"), 9_000);
        assert_eq!(shown(&again), shown(&hub));
    }
}

#[test]
fn an_edition_that_cannot_be_read_is_set_aside_and_the_next_one_taken() {
    let academy = academy();
    let hub = hub(&academy, 2);
    let payloads =
        vec![(PayloadKind::Edition, vec![0xff; 9]), (PayloadKind::Retirement, Vec::new()), edition("power", 1, "one")];
    let entries = forged(&academy.key, federation(&academy), Topic::Curriculum, 1, payloads);
    let kept = hub.keep(&academy, pack(&entries).expect("packs"));
    assert_eq!(reasons(std::slice::from_ref(&kept)), [(RefusalReason::MalformedPayload, true); 2]);
    assert_eq!(kept.new_entries, 4);
    assert_eq!(shown(&hub), ["power.1 one"]);
    let aside = hub.journal().set_aside().expect("read");
    assert_eq!(aside.iter().map(|aside| aside.entry.seq).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn a_restored_academy_gets_its_editions_back_and_numbers_on() {
    let academy = academy();
    let hub = hub(&academy, 2);
    publish(&academy, "power", "one");
    let old = academy.store.snapshot().expect("a snapshot");
    publish(&academy, "power", "two");
    academy.store.curriculum().retire(&code("power")).expect("retired");
    push(&academy, &hub);
    let restored = academy.restored(&old, 102);
    assert_eq!(shown(&restored), ["power.1 one"]);
    sync(&restored, &hub);
    assert_eq!(shown(&restored), ["(power.1 one)", "(power.2 two)"]);
    assert_eq!(publish(&restored, "power", "three"), 3);
    sync(&restored, &hub);
    assert_eq!(shown(&hub), ["(power.1 one)", "(power.2 two)", "power.3 three"]);
}

#[test]
fn a_retirement_of_what_was_lost_counts_for_the_numbers_too() {
    let academy = academy();
    let entries = forged(&academy.key, federation(&academy), Topic::Curriculum, 1, vec![retirement("power", 4)]);
    academy.keep(&academy, pack(&entries).expect("packs"));
    assert_eq!(publish(&academy, "power", "five"), 5);
    assert_eq!(shown(&academy), ["power.5 five"]);
    let last = forged(&academy.key, federation(&academy), Topic::Curriculum, 2, vec![retirement("power", u32::MAX)]);
    academy.keep(&academy, pack(&last).expect("packs"));
    let published = academy.store.curriculum().publish(draft("power", "six"));
    assert!(matches!(published, Err(StoreError::EditionRefused { .. })), "{published:?}");
}

/// The Academy's log forks: the branch counts for nothing, and what another log said counts again.
#[test]
fn a_fork_takes_its_editions_away() {
    let academy = academy();
    let hub = hub(&academy, 2);
    let log = |text| {
        forged(
            &academy.key,
            federation(&academy),
            Topic::Curriculum,
            1,
            vec![edition("power", 1, "one"), edition("power", 2, text)],
        )
    };
    let (left, right) = (log("left"), log("right"));
    hub.keep(&academy, pack(&left).expect("packs"));
    assert_eq!(shown(&hub), ["power.1 one", "power.2 left"]);
    let kept = hub.keep(&academy, pack(&right).expect("packs"));
    assert_eq!(reasons(&[kept]), [(RefusalReason::Fork, false)]);
    assert_eq!(shown(&hub), ["power.1 one"]);
    let common = |tips: Vec<Cursor>| tips.into_iter().map(|tip| (tip.seq, tip.hash)).collect::<Vec<(u64, Hash)>>();
    assert_eq!(common(hub.tips(Topic::Curriculum)), [(2, left[1].hash)]);
}
