//! Lists, reach, marks and the story: edited, merged, forged; and documents of the first form.

use std::sync::Arc;

use automerge::legacy::{ElementId, Key, MarkData, ObjectId, OpType};
use automerge::{Change, ExpandedChange, ReadDoc, ScalarValue};

use super::*;
use crate::document::hex;

fn view(campaign: &Campaign) -> View {
    Arc::unwrap_or_clone(campaign.view().expect("a campaign"))
}

/// What was made here is brought there.
fn bring(changes: &[(Actor, Vec<u8>)], to: &mut Campaign) {
    for (actor, change) in changes {
        assert_eq!(admit(to, actor.node, std::slice::from_ref(change)), Verdict::Admitted);
    }
}

fn items(campaign: &Campaign) -> Vec<Item> {
    view(campaign).entries.into_iter().map(|entry| entry.item).collect()
}

fn day(text: &str) -> Option<folkmoot_domain::Date> {
    folkmoot_domain::calendar::parse_date(text)
}

/// One of each list.
fn one_of_each() -> Vec<Item> {
    vec![
        Item::Issue { title: "Damp".into(), detail: "In the flats by the canal".into() },
        Item::Ask {
            ask: "Inspect every flat".into(),
            of: "Cabinet member for housing".into(),
            state: AskState::PartlyWon,
            result: "Half of them".into(),
            date: day("2018-10-04"),
        },
        Item::DecisionMaker {
            office: "Cabinet member for housing".into(),
            body: "Council".into(),
            influence: Influence::High,
            stance: Stance::Undecided,
        },
        Item::Action {
            title: "Assembly".into(),
            date: day("2018-10-03"),
            place: "Town hall 🏛".into(),
            result: String::new(),
        },
        Item::Task { title: "Leaflets".into(), hub: hex(&LUTON.node), due: day("2018-09-30"), state: TaskState::Doing },
        Item::Link { title: "Photographs".into(), address: "https://example.org/1".into() },
    ]
}

#[test]
fn lists_hold_what_is_added_and_each_hub_changes_and_removes_entries() {
    let mut campaign = started();
    for item in one_of_each() {
        edited(&mut campaign, WARMINSTER, Edit::Add(item));
    }
    assert_eq!(items(&campaign.copy()), one_of_each());
    let entries = view(&campaign).entries;
    assert!(entries.iter().all(|entry| entry.added_by == hex(&WARMINSTER.node)));

    let done = Item::Task { title: "Posters".into(), hub: "x".into(), due: None, state: TaskState::Done };
    let id = entries[4].id;
    edited(&mut campaign, LUTON, Edit::Update { id, item: done, fields: vec![Field::State, Field::Due] });
    let expected = Item::Task { title: "Leaflets".into(), hub: hex(&LUTON.node), due: None, state: TaskState::Done };
    assert_eq!(items(&campaign)[4], expected);
    let same = Edit::Update { id, item: expected.clone(), fields: vec![Field::State, Field::Title] };
    assert_eq!(campaign.edit(LUTON, &same), Ok(None), "what says the same is no change");

    edited(&mut campaign, LUTON, Edit::Remove { list: List::Tasks, id });
    assert_eq!(items(&campaign).len(), 5);
    for gone in [Edit::Remove { list: List::Tasks, id }, same, Edit::Remove { list: List::Asks, id: entries[0].id }] {
        assert_eq!(campaign.edit(LUTON, &gone), Err(CampaignError::NoSuchEntry));
    }
}

#[test]
fn what_two_hubs_do_apart_to_lists_and_reach_is_all_there() {
    let (mut ours, mut theirs) = (started(), started());
    let task_id = {
        let change = edited(&mut ours, WARMINSTER, Edit::Add(task("Leaflets")));
        bring(&[(WARMINSTER, change)], &mut theirs);
        view(&ours).entries[0].id
    };
    let set = |field, item| Edit::Update { id: task_id, item, fields: vec![field] };
    let state = |state| Item::Task { title: String::new(), hub: String::new(), due: None, state };
    let here: Vec<_> = [Edit::Add(task("Posters")), set(Field::State, state(TaskState::Done)), reach(40), reach(2)]
        .map(|edit| (WARMINSTER, edited(&mut ours, WARMINSTER, edit)))
        .into();
    let there: Vec<_> = [Edit::Add(task("Tea")), set(Field::Title, task("Flyers")), reach(7)]
        .map(|edit| (LUTON, edited(&mut theirs, LUTON, edit)))
        .into();
    bring(&there, &mut ours);
    bring(&here, &mut theirs);
    assert_eq!(view(&ours), view(&theirs));
    let mut titles: Vec<String> = view(&ours)
        .entries
        .into_iter()
        .map(|entry| entry.item.fields().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("|"))
        .collect();
    titles.sort();
    assert_eq!(titles, ["Flyers|||done", "Posters|||open", "Tea|||open"]);
    let counted: Vec<u64> = view(&ours).reach.values().flat_map(|hubs| hubs.values().copied()).collect();
    assert_eq!(counted, [42, 7]);
}

#[test]
fn reach_is_corrected_and_never_below_nothing() {
    let mut campaign = started();
    edited(&mut campaign, WARMINSTER, reach(40));
    edited(&mut campaign, WARMINSTER, reach(-15));
    assert_eq!(campaign.edit(WARMINSTER, &reach(-26)), Err(CampaignError::BelowZero { counted: 25 }));
    assert_eq!(campaign.edit(LUTON, &reach(-1)), Err(CampaignError::BelowZero { counted: 0 }), "each for itself");
    assert_eq!(campaign.edit(LUTON, &reach(0)), Ok(None));
}

/// A hub's node and a client of the same hub begin to count apart.
#[test]
fn two_counters_of_one_hub_both_count_and_become_one() {
    let client = Actor { incarnation: 8, ..WARMINSTER };
    let (mut ours, mut theirs) = (started(), started());
    let here = edited(&mut ours, WARMINSTER, reach(40));
    let there = edited(&mut theirs, client, reach(2));
    bring(&[(client, there)], &mut ours);
    bring(&[(WARMINSTER, here)], &mut theirs);
    let counted = |campaign: &Campaign| view(campaign).reach.values().next().expect("a month").values().sum::<u64>();
    assert_eq!((counted(&ours), counted(&theirs)), (42, 42));
    let change = edited(&mut ours, WARMINSTER, reach(1));
    bring(&[(WARMINSTER, change)], &mut theirs);
    edited(&mut theirs, client, reach(1));
    assert_eq!((counted(&ours), counted(&theirs)), (43, 44));
}

#[test]
fn texts_are_written_into_and_marked() {
    let mut campaign = started();
    let story = |at, delete, insert: &str| Edit::Write { prose: Prose::Story, at, delete, insert: insert.into() };
    edited(&mut campaign, WARMINSTER, story(0, 0, "Wi-Fi 📶 for all"));
    edited(&mut campaign, LUTON, story(9, 3, "in every town for"));
    assert_eq!(view(&campaign).story.text, "Wi-Fi 📶 in every town for all");
    for (at, delete) in [(7, 0), (6, 1), (50, 0), (0, 50), (usize::MAX, 2)] {
        let outside = campaign.edit(LUTON, &story(at, delete, "x"));
        assert_eq!(outside, Err(CampaignError::OutOfText { length: 30 }), "{at} {delete}");
    }
    let styled = |style, start, end, on| Edit::Mark { prose: Prose::Story, start, end, style, on };
    let link = Style::Link("https://example.org".into());
    edited(&mut campaign, LUTON, styled(Style::Strong, 0, 8, true));
    edited(&mut campaign, LUTON, styled(link.clone(), 9, 22, true));
    edited(&mut campaign, WARMINSTER, styled(Style::Strong, 2, 4, false));
    let mark = |start, end, style: &Style| Mark { start, end, style: style.clone() };
    let expected = [mark(0, 2, &Style::Strong), mark(4, 8, &Style::Strong), mark(9, 22, &link)];
    assert_eq!(view(&campaign.copy()).story.marks, expected);
    assert!(view(&campaign).notes.marks.is_empty());
    // Bold text goes on where it is written on, and a link does not.
    edited(&mut campaign, WARMINSTER, story(22, 0, "!"));
    edited(&mut campaign, WARMINSTER, story(8, 0, "!"));
    let expected = [mark(0, 2, &Style::Strong), mark(4, 9, &Style::Strong), mark(10, 23, &link)];
    assert_eq!(view(&campaign).story.marks, expected);
}

/// The change that an edit makes, forged.
fn forged(edit: Edit, forge: impl FnOnce(&mut ExpandedChange)) -> (Campaign, Vec<u8>) {
    let mut campaign = started();
    edited(&mut campaign, WARMINSTER, Edit::AppendNotes("Tea made.".into()));
    edited(&mut campaign, LUTON, reach(1));
    let mut change = Change::from_bytes(edited(&mut campaign.copy(), WARMINSTER, edit)).expect("a change").decode();
    forge(&mut change);
    (campaign, Change::from(change).raw_bytes().to_vec())
}

#[test]
fn marks_that_are_not_whole_are_refused() {
    let end = OpType::MarkEnd(true);
    type Forgery<'a> = (&'a str, Box<dyn FnOnce(&mut ExpandedChange)>);
    let cases: Vec<Forgery<'_>> = vec![
        ("no end", Box::new(|change| drop(change.operations.pop()))),
        ("no beginning", Box::new(|change| drop(change.operations.remove(0)))),
        ("twice an end", Box::new(|change| change.operations.push(change.operations[1].clone()))),
        ("two beginnings", Box::new(|change| change.operations.insert(0, change.operations[0].clone()))),
        ("an end before its beginning", Box::new(|change| change.operations[1].key = Key::Seq(ElementId::Head))),
        ("of the title", Box::new(|change| change.operations.iter_mut().for_each(|it| it.obj = ObjectId::Root))),
        ("an end alone", Box::new(move |change| change.operations[0].action = end)),
    ];
    for (case, forge) in cases {
        let (mut campaign, change) = forged(mark(2, 5, true), forge);
        let before = campaign.snapshot();
        let verdict = admit(&mut campaign, WARMINSTER.node, &[change]);
        assert!(matches!(verdict, Verdict::Refused(_)), "{case}: {verdict:?}");
        assert_eq!(campaign.snapshot(), before, "{case}");
    }
}

/// What only the document library finds, having applied it, is found all the same, and takes nothing down that comes with it.
#[test]
fn the_change_on_which_the_library_breaks_is_found_among_others() {
    let backwards = |change: &mut ExpandedChange| change.operations[1].key = Key::Seq(ElementId::Head);
    let (mut campaign, change) = forged(mark(2, 5, true), backwards);
    let by = |node: u8, text: &str| {
        let actor = Actor { node: [node; 32], incarnation: 7 };
        let change = edited(&mut campaign.copy(), actor, Edit::AppendNotes(text.into()));
        Submission { author: actor.node, changes: vec![change], late: false }
    };
    let breaking = Submission { author: WARMINSTER.node, changes: vec![change], late: false };
    let offered = [by(7, "Before. "), breaking, by(8, "After. ")];
    let broken = Verdict::Refused(Refused { change: 0, fault: ChangeFault::Breaking });
    assert_eq!(campaign.admit_all(&offered), [Verdict::Admitted, broken, Verdict::Admitted]);
    let notes = &view(&campaign).notes.text;
    assert!(notes.contains("Before.") && notes.contains("After."), "{notes}");
}

#[test]
fn marks_are_of_few_kinds_with_few_values() {
    for (name, value, fits) in [
        ("strong", ScalarValue::Boolean(true), true),
        ("strong", ScalarValue::Null, true),
        ("em", ScalarValue::Boolean(false), true),
        ("link", "https://example.org".into(), true),
        ("link", true.into(), false),
        ("link", "x".repeat(2_001).into(), false),
        ("link", "a\nb".into(), false),
        ("strong", "07700 900000".into(), false),
        ("comment", "Mary said so".into(), false),
        ("strong", ScalarValue::Uint(7), false),
    ] {
        let (mut campaign, change) = forged(mark(2, 5, true), |change| {
            change.operations[0].action = OpType::MarkBegin(MarkData { name: name.into(), value, expand: true });
        });
        let verdict = admit(&mut campaign, WARMINSTER.node, &[change]);
        assert_eq!(verdict == Verdict::Admitted, fits, "{name}: {verdict:?}");
        assert_eq!(campaign.copy().view(), campaign.view());
    }
}

#[test]
fn a_hub_counts_under_its_own_id_alone() {
    let key = |hub: &[u8]| Key::Map(format!("2018-10/{}", hex(hub)).as_str().into());
    let theirs = LUTON.node;
    let (mut campaign, change) = forged(reach(5), |change| change.operations[0].key = key(&theirs));
    let refused = |fault| Verdict::Refused(Refused { change: 0, fault });
    assert_eq!(admit(&mut campaign, WARMINSTER.node, &[change]), refused(ChangeFault::ForeignCount));
    let (mut campaign, change) = forged(reach(5), |change| change.operations[0].key = key(b"short"));
    assert_eq!(admit(&mut campaign, WARMINSTER.node, &[change]), refused(ChangeFault::Operation));
    let (mut campaign, change) = forged(reach(5), |change| change.operations[0].action = OpType::Increment(5));
    assert_eq!(admit(&mut campaign, WARMINSTER.node, &[change]), refused(ChangeFault::Reference), "nothing to add to");
    let (mut campaign, change) = forged(reach(5), |change| {
        change.operations[0].action = OpType::Put(ScalarValue::counter(i64::MAX));
    });
    assert_eq!(admit(&mut campaign, WARMINSTER.node, &[change]), refused(ChangeFault::Operation));
}

/// As an earlier version of this software wrote it: without what the second form added.
#[test]
fn a_document_of_the_first_form_is_brought_up_alike_on_every_node() {
    let mut old = Automerge::new_with_encoding(automerge::TextEncoding::Utf16CodeUnit);
    old.apply_changes([layout::FIXED[0].change.clone()]).expect("the first form");
    let mut old = old.with_actor(ActorId::from(&WARMINSTER.bytes()[..]));
    old.transact_with::<_, _, AutomergeError, _>(
        |_| CommitOptions::default().with_time(0),
        |transaction| transaction.put(ROOT, "title", "From before"),
    )
    .expect("a change");
    let change = old.get_last_local_change().expect("a change").raw_bytes().to_vec();
    let heads: Vec<[u8; 32]> = old.get_heads().into_iter().map(|head| head.0).collect();
    let mut loaded = Campaign::load(&old.save(), &heads).expect("a document of the first form");

    let mut received = Campaign::blank();
    assert_eq!(admit(&mut received, WARMINSTER.node, &[change]), Verdict::Admitted);
    assert_eq!((loaded.heads(), loaded.view()), (received.heads(), received.view()));
    assert_eq!(view(&loaded).title, "From before");
    let on = edited(&mut loaded, LUTON, Edit::Add(task("Leaflets")));
    bring(&[(LUTON, on)], &mut received);
    assert_eq!(items(&received.copy()), [task("Leaflets")]);
    assert!(old.get(ROOT, "tasks").expect("a document").is_none());
}
