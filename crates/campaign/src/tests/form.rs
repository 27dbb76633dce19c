//! What a change may do, what it may refer to, and when a late entry counts.

use automerge::legacy::{ElementId, Key, OpId};
use automerge::transaction::Transaction;
use automerge::{Change, ObjId, ObjType, ReadDoc, ScalarValue};

use super::*;

type Work = fn(&mut Transaction<'_>) -> Result<(), AutomergeError>;

/// The change that this work makes on the document.
fn made(document: &mut Automerge, work: impl FnOnce(&mut Transaction<'_>) -> Result<(), AutomergeError>) -> Vec<u8> {
    let options = |_: &()| CommitOptions::default().with_time(0);
    document.transact_with::<_, _, AutomergeError, _>(options, work).expect("a change");
    document.get_last_local_change().expect("a change").raw_bytes().to_vec()
}

fn object(document: &impl ReadDoc, key: &str) -> ObjId {
    document.get(ROOT, key).expect("a root").expect("a key").1
}

fn submission(actor: Actor, change: &[u8]) -> Submission {
    Submission { author: actor.node, changes: vec![change.to_vec()], late: false }
}

fn late(actor: Actor, change: &[u8]) -> Submission {
    Submission { late: true, ..submission(actor, change) }
}

fn refused(fault: ChangeFault) -> Verdict {
    Verdict::Refused(Refused { change: 0, fault })
}

/// A document with one organisation and some notes.
fn filled() -> (Campaign, Automerge) {
    let mut campaign = started();
    edited(&mut campaign, WARMINSTER, Edit::SignUp { organisation: "Library".into(), date: None });
    edited(&mut campaign, WARMINSTER, Edit::AppendNotes("Tea made.".into()));
    let document = loaded(&campaign, LUTON);
    (campaign, document)
}

fn loaded(campaign: &Campaign, actor: Actor) -> Automerge {
    let options = automerge::LoadOptions::new().text_encoding(automerge::TextEncoding::Utf16CodeUnit);
    Automerge::load_with_options(&campaign.export(), options)
        .expect("its own export")
        .with_actor(ActorId::from(&actor.bytes()[..]))
}

#[test]
fn a_change_may_do_what_a_campaign_knows_and_nothing_else() {
    let no = |fault| refused(fault);
    let cases: &[(&str, Work, Verdict)] = &[
        ("title", |tx| tx.put(ROOT, "title", "T"), Verdict::Admitted),
        ("no title", |tx| tx.put(ROOT, "title", ""), Verdict::Admitted),
        ("long title", |tx| tx.put(ROOT, "title", "é".repeat(200)), Verdict::Admitted),
        ("too long a title", |tx| tx.put(ROOT, "title", "é".repeat(201)), no(ChangeFault::Text)),
        ("title of two lines", |tx| tx.put(ROOT, "title", "a\nb"), no(ChangeFault::Text)),
        ("deleted title", |tx| tx.delete(ROOT, "title"), no(ChangeFault::Operation)),
        ("title as a number", |tx| tx.put(ROOT, "title", 7), no(ChangeFault::Operation)),
        ("title as a map", |tx| tx.put_object(ROOT, "title", ObjType::Map).map(drop), no(ChangeFault::Operation)),
        ("aim as bytes", |tx| tx.put(ROOT, "aim", vec![7]), no(ChangeFault::Operation)),
        ("too long an aim", |tx| tx.put(ROOT, "aim", "x".repeat(2_001)), no(ChangeFault::Text)),
        ("aim as a text", |tx| tx.put_object(ROOT, "aim", ObjType::Text).map(drop), Verdict::Admitted),
        (
            "aim as a text of two lines",
            |tx| tx.put_object(ROOT, "aim", ObjType::Text).and_then(|text| tx.splice_text(text, 0, 0, "a\nb")),
            no(ChangeFault::Text),
        ),
        ("another key", |tx| tx.put(ROOT, "phone", "07700 900000"), no(ChangeFault::Operation)),
        ("schema", |tx| tx.put(ROOT, "schema", 3), no(ChangeFault::Operation)),
        ("new notes", |tx| tx.put_object(ROOT, "notes", ObjType::Text).map(drop), no(ChangeFault::Operation)),
        ("notes", |tx| tx.splice_text(object(tx, "notes"), 3, 4, "\n\t🚌"), Verdict::Admitted),
        ("control characters", |tx| tx.splice_text(object(tx, "notes"), 0, 0, "\u{1b}[2J"), no(ChangeFault::Text)),
        ("a number in the notes", |tx| tx.insert(object(tx, "notes"), 0, 7), no(ChangeFault::Operation)),
        ("a long word at once", |tx| tx.insert(object(tx, "notes"), 0, "word"), no(ChangeFault::Operation)),
        ("an overwritten letter", |tx| tx.put(object(tx, "notes"), 0, "x"), no(ChangeFault::Operation)),
        (
            "a map in the notes",
            |tx| tx.insert_object(object(tx, "notes"), 0, ObjType::Map).map(drop),
            no(ChangeFault::Reference),
        ),
        ("letters in the list", |tx| tx.insert(object(tx, "organisations"), 0, "x"), no(ChangeFault::Reference)),
        ("organisation away", |tx| tx.delete(object(tx, "organisations"), 0), Verdict::Admitted),
        (
            "half an entry",
            |tx| {
                let entry = tx.insert_object(object(tx, "organisations"), 1, ObjType::Map)?;
                tx.put(&entry, "organisation", "Choir")
            },
            Verdict::Admitted,
        ),
        (
            "another key in an entry",
            |tx| {
                let entry = tx.insert_object(object(tx, "organisations"), 1, ObjType::Map)?;
                tx.put(&entry, "phone", "07700 900000")
            },
            no(ChangeFault::Operation),
        ),
        (
            "an entry renamed",
            |tx| {
                let (_, entry) = tx.get(object(tx, "organisations"), 0)?.expect("an entry");
                tx.put(&entry, "organisation", "The Library")
            },
            Verdict::Admitted,
        ),
        (
            "an entry's key deleted",
            |tx| {
                let (_, entry) = tx.get(object(tx, "organisations"), 0)?.expect("an entry");
                tx.delete(&entry, "hub")
            },
            no(ChangeFault::Operation),
        ),
        (
            "an entry replaced",
            |tx| tx.put_object(object(tx, "organisations"), 0, ObjType::Map).map(drop),
            no(ChangeFault::Operation),
        ),
        (
            "a list in the list",
            |tx| tx.insert_object(object(tx, "organisations"), 0, ObjType::List).map(drop),
            no(ChangeFault::Operation),
        ),
        ("a counter", |tx| tx.put(ROOT, "aim", ScalarValue::counter(1)), no(ChangeFault::Operation)),
    ];
    for (case, work, expected) in cases {
        let (mut campaign, mut document) = filled();
        let change = made(&mut document, work);
        assert_eq!(&campaign.admit_all(&[submission(LUTON, &change)])[0], expected, "{case}");
        assert!(campaign.copy().view().is_ok(), "{case}");
    }
}

#[test]
fn a_change_may_refer_only_to_what_it_builds_on() {
    let blank = || blank_document(LUTON);
    let mut writer = blank_document(WARMINSTER);
    let theirs = made(&mut writer, |tx| tx.splice_text(object(tx, "notes"), 0, 0, "Tea"));
    // The letter after theirs, by an author who claims not to have seen theirs.
    let mut forged = Change::from_bytes(made(&mut blank(), |tx| tx.splice_text(object(tx, "notes"), 0, 0, "x")))
        .expect("a change")
        .decode();
    forged.operations[0].key = Key::Seq(ElementId::Id(OpId::new(FIRST_OF_MEMBERS, writer.get_actor())));
    let unseen = Change::from(forged).raw_bytes().to_vec();
    for order in [[0, 1], [1, 0]] {
        let submissions = [submission(WARMINSTER, &theirs), submission(LUTON, &unseen)];
        let offered: Vec<Submission> = order.iter().map(|index| submissions[*index].clone()).collect();
        let verdicts = Campaign::blank().admit_all(&offered);
        assert_eq!(verdicts[order[0]], Verdict::Admitted);
        assert_eq!(verdicts[order[1]], refused(ChangeFault::Reference));
    }
}

#[test]
fn of_two_changes_with_one_number_the_one_offered_first_counts() {
    let base = blank_document(LUTON);
    let [first, second] = ["one", "two"].map(|aim| made(&mut base.clone(), |tx| tx.put(ROOT, "aim", aim)));
    let mut campaign = Campaign::blank();
    let verdicts = campaign.admit_all(&[submission(LUTON, &first), submission(LUTON, &second)]);
    assert_eq!(verdicts, [Verdict::Admitted, refused(ChangeFault::Numbering)]);
    assert_eq!(campaign.admit_all(&[submission(LUTON, &second)]), [refused(ChangeFault::Numbering)]);
    assert_eq!(campaign.view().map(|view| view.aim.clone()), Ok("one".into()));
}

#[test]
fn a_second_change_with_one_number_waits_until_the_first_is_decided() {
    let mut other = blank_document(WARMINSTER);
    let missing = made(&mut other, |tx| tx.put(ROOT, "title", "T"));
    let first = made(&mut other.clone().with_actor(ActorId::from(&LUTON.bytes()[..])), |tx| tx.put(ROOT, "aim", "one"));
    let second = made(&mut blank_document(LUTON), |tx| tx.put(ROOT, "aim", "two"));
    let mut campaign = Campaign::blank();
    let both = [submission(LUTON, &first), submission(LUTON, &second)];
    assert_eq!(campaign.admit_all(&both), [Verdict::Waiting, Verdict::Waiting]);
    let all = [both[0].clone(), both[1].clone(), submission(WARMINSTER, &missing)];
    assert_eq!(campaign.admit_all(&all), [Verdict::Admitted, refused(ChangeFault::Numbering), Verdict::Admitted]);
    // Where the second is held, the first is refused before what it waits for has come.
    let mut campaign = Campaign::blank();
    assert_eq!(campaign.admit_all(&[both[1].clone()]), [Verdict::Admitted]);
    assert_eq!(campaign.admit_all(&[both[0].clone()]), [refused(ChangeFault::Numbering)]);
}

#[test]
fn a_late_entry_counts_where_one_that_is_not_late_builds_on_it() {
    let mut writer = blank_document(WARMINSTER);
    let chain = ["one ", "two "].map(|text| made(&mut writer, |tx| tx.splice_text(object(tx, "notes"), 0, 0, text)));
    let mut reader = writer.clone().with_actor(ActorId::from(&LUTON.bytes()[..]));
    let unread = made(&mut writer, |tx| tx.splice_text(object(tx, "notes"), 0, 0, "three "));
    let answer = made(&mut reader, |tx| tx.put(ROOT, "aim", "answered"));
    let late_ones = [late(WARMINSTER, &chain[0]), late(WARMINSTER, &chain[1]), late(WARMINSTER, &unread)];
    let mut campaign = Campaign::blank();
    assert_eq!(campaign.admit_all(&late_ones), [Verdict::Waiting, Verdict::Waiting, Verdict::Waiting]);
    assert!(campaign.is_empty());
    let [one, two, three] = late_ones;
    let all = [submission(LUTON, &answer), three.clone(), two, one];
    let expected = [Verdict::Admitted, Verdict::Waiting, Verdict::Admitted, Verdict::Admitted];
    assert_eq!(campaign.admit_all(&all), expected);
    assert_eq!(campaign.view().map(|view| view.notes.text.clone()), Ok("two one ".into()));
    assert_eq!(campaign.admit_all(&[three]), [Verdict::Waiting]);
    assert_eq!(campaign.copy().view(), campaign.view());
}

/// A change may lie in two late entries, beside others: it matters to nobody which of them came first.
#[test]
fn of_a_late_entry_counts_what_is_built_on_and_no_more() {
    let mut writer = blank_document(WARMINSTER);
    let read = made(&mut writer, |tx| tx.splice_text(object(tx, "notes"), 0, 0, "read "));
    let mut reader = writer.clone().with_actor(ActorId::from(&LUTON.bytes()[..]));
    let unread = made(&mut writer, |tx| tx.splice_text(object(tx, "notes"), 0, 0, "unread "));
    let answer = submission(LUTON, &made(&mut reader, |tx| tx.put(ROOT, "aim", "answered")));
    let both = Submission { changes: vec![read.clone(), unread], ..late(WARMINSTER, &read) };
    let one = late(WARMINSTER, &read);
    let calls = |calls: &[&[&Submission]]| {
        let mut campaign = Campaign::blank();
        for call in calls {
            campaign.admit_all(&call.iter().copied().cloned().collect::<Vec<_>>());
        }
        assert_eq!(campaign.admit_all(&[both.clone(), one.clone()]), [Verdict::Waiting, Verdict::Admitted]);
        (campaign.heads(), campaign.view())
    };
    let expected = calls(&[&[&one, &answer, &both]]);
    assert_eq!(expected.1.as_ref().map(|view| view.notes.text.as_str()), Ok("read "));
    for order in [&[&[&both, &answer][..]][..], &[&[&one, &answer]], &[&[&answer], &[&both, &one, &answer]]] {
        assert_eq!(calls(order), expected);
    }
}

#[test]
fn a_bad_change_refuses_its_entry_alone_and_is_named() {
    let mut writer = blank_document(WARMINSTER);
    let good = made(&mut writer, |tx| tx.put(ROOT, "aim", "one"));
    let bad = made(&mut writer, |tx| tx.put(ROOT, "phone", "07700 900000"));
    let after = made(&mut writer, |tx| tx.put(ROOT, "aim", "two"));
    let neighbour = made(&mut blank_document(LUTON), |tx| tx.put(ROOT, "title", "T"));
    let mut campaign = Campaign::blank();
    let entry = Submission { author: WARMINSTER.node, changes: vec![good, bad], late: false };
    let verdicts = campaign.admit_all(&[entry, submission(WARMINSTER, &after), submission(LUTON, &neighbour)]);
    let fault = Refused { change: 1, fault: ChangeFault::Operation };
    assert_eq!(verdicts, [Verdict::Refused(fault), Verdict::Waiting, Verdict::Admitted]);
    assert_eq!(
        fault.to_string(),
        "change 2 of the entry was refused: it does something else than set a text that campaigns have, write into the notes \
         or the story or mark them, add, change or remove an entry of a list, or count reach"
    );
    assert_eq!(campaign.view().map(|view| (view.aim.clone(), view.title.clone())), Ok((String::new(), "T".into())));
}

#[test]
fn entries_without_a_name_are_not_shown_and_no_hub_signs_up_in_the_name_of_another() {
    let (mut campaign, mut document) = filled();
    let half = made(&mut document, |tx| {
        let list = object(tx, "organisations");
        tx.insert_object(&list, 0, ObjType::Map)?;
        let entry = tx.insert_object(&list, 0, ObjType::Map)?;
        tx.put(&entry, "hub", document::hex(&WARMINSTER.node))
    });
    assert_eq!(campaign.admit_all(&[submission(LUTON, &half)]), [Verdict::Admitted]);
    let signed_up = |campaign: &Campaign| -> Vec<(String, String)> {
        let view = campaign.view().expect("a campaign");
        view.organisations.iter().map(|entry| (entry.organisation.clone(), entry.hub.clone())).collect()
    };
    let library = ("Library".to_owned(), "01".repeat(32));
    assert_eq!(signed_up(&campaign), std::slice::from_ref(&library));
    let whole = made(&mut document, |tx| {
        let (_, entry) = tx.get(object(tx, "organisations"), 0)?.expect("an entry");
        let name = tx.put_object(&entry, "organisation", ObjType::Text)?;
        tx.splice_text(name, 0, 0, "Choir")
    });
    assert_eq!(campaign.admit_all(&[submission(LUTON, &whole)]), [Verdict::Admitted]);
    assert_eq!(signed_up(&campaign), [("Choir".to_owned(), "02".repeat(32)), library]);
}

#[test]
fn a_change_that_refers_to_many_earlier_ones_is_admitted_after_a_restart() {
    let mut campaign = Campaign::blank();
    for number in 0..150 {
        edited(&mut campaign, WARMINSTER, Edit::AppendNotes(format!("{number} ")));
    }
    let mut restarted = campaign.copy();
    let length = restarted.view().expect("a campaign").notes.text.len();
    let clear = made(&mut loaded(&campaign, LUTON), |tx| tx.splice_text(object(tx, "notes"), 0, length as isize, ""));
    assert_eq!(restarted.admit_all(&[submission(LUTON, &clear)]), [Verdict::Admitted]);
    assert_eq!(restarted.view().map(|view| view.notes.text.clone()), Ok(String::new()));
}
