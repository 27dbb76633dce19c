//! Who changed what, earlier versions, and undoing.

use super::*;

#[test]
fn whoever_holds_a_part_is_given_the_rest() {
    let mut campaign = started();
    let mut holder = campaign.copy();
    edited(&mut campaign, WARMINSTER, Edit::Aim("A databank".into()));
    edited(&mut campaign, LUTON, Edit::Add(task("Leaflets")));
    let client = fresh(LUTON, 80);
    let own = edited(&mut holder, client, Edit::AppendNotes("not given back yet".into()));
    let rest = campaign.changes_since(&[holder.heads(), vec![last(&started())]].concat());
    assert_eq!(rest.len(), 2);
    for (author, change) in [WARMINSTER, LUTON].into_iter().zip(rest) {
        assert_eq!(admit(&mut holder, author.node, &[change]), Verdict::Admitted);
    }
    assert_eq!(admit(&mut campaign, client.node, &[own]), Verdict::Admitted);
    assert_eq!(campaign.heads(), holder.heads());
    assert!(campaign.changes_since(&campaign.heads()).is_empty());
    assert_eq!(campaign.changes_since(&[]).len(), campaign.versions().len() + layout::FIXED.len());
}

/// The last change, as a version.
fn last(campaign: &Campaign) -> [u8; 32] {
    campaign.versions().last().expect("a change").change
}

fn fresh(node: Actor, incarnation: u64) -> Actor {
    Actor { incarnation, ..node }
}

fn story(at: usize, delete: usize, insert: &str) -> Edit {
    Edit::Write { prose: Prose::Story, at, delete, insert: insert.into() }
}

#[test]
fn each_change_tells_who_did_what() {
    let mut campaign = started();
    let edits = [
        (WARMINSTER, Edit::Aim("A databank".into())),
        (LUTON, Edit::SignUp { organisation: "Library".into(), date: None }),
        (LUTON, Edit::Add(task("Leaflets"))),
        (WARMINSTER, story(0, 0, "It began 📮 so.")),
        (LUTON, story(9, 2, "✉")),
        (WARMINSTER, reach(40)),
    ];
    for (actor, edit) in edits {
        edited(&mut campaign, actor, edit);
    }
    let task_id = campaign.view().expect("a campaign").entries[0].id;
    let done = Item::Task { title: String::new(), hub: String::new(), due: None, state: TaskState::Done };
    edited(&mut campaign, LUTON, Edit::Update { id: task_id, item: done, fields: vec![Field::State] });

    let campaign = campaign.copy();
    let told: Vec<(u8, String)> = campaign
        .versions()
        .iter()
        .map(|version| {
            let differences = campaign.differences_of(version.change).expect("a version");
            (version.author[0], differences.iter().map(words).collect::<Vec<_>>().join("; "))
        })
        .collect();
    let told: Vec<(u8, &str)> = told.iter().map(|(node, words)| (*node, words.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, "title:  > Wi-Fi for all 🚌"),
            (1, "aim:  > A databank"),
            (2, "+ Library"),
            (2, "+ Leaflets"),
            (1, "story 0:  > It began 📮 so."),
            (2, "story 9: 📮 > ✉"),
            (1, "2018-10: 0 > 40"),
            (2, "Leaflets state: open > done"),
        ]
    );
}

fn words(difference: &Difference) -> String {
    let name = |entry: &Entry| entry.item.fields()[0].1.clone();
    match difference {
        Difference::Own { field, before, after } => format!("{}: {before} > {after}", field.key()),
        Difference::Prose { prose, at, removed, inserted } => {
            format!("{} {at}: {removed} > {inserted}", prose.key())
        }
        Difference::Marks { prose } => format!("{} marks", prose.key()),
        Difference::SignedUp(signed_up) => format!("+ {}", signed_up.organisation),
        Difference::SignedOff(signed_up) => format!("- {}", signed_up.organisation),
        Difference::Added(entry) => format!("+ {}", name(entry)),
        Difference::Removed(entry) => format!("- {}", name(entry)),
        Difference::Changed { entry, field, before, after } => {
            format!("{} {}: {before} > {after}", name(entry), field.key())
        }
        Difference::Reach { month, before, after, .. } => format!("{month}: {before} > {after}"),
    }
}

#[test]
fn an_earlier_version_reads_as_its_author_saw_it() {
    let mut ours = started();
    let first = last(&ours);
    let mut theirs = Campaign::blank();
    for (author, change) in ours.changes() {
        assert_eq!(admit(&mut theirs, author, &[change]), Verdict::Admitted);
    }
    edited(&mut ours, WARMINSTER, Edit::AppendNotes("Here. ".into()));
    let change = edited(&mut theirs, LUTON, Edit::AppendNotes("There. ".into()));
    let there = change_hash(&change).expect("a change");
    assert_eq!(there, last(&theirs));
    assert_eq!(admit(&mut ours, LUTON.node, &[change]), Verdict::Admitted);
    let notes = |version| ours.view_at(version).map(|view| view.notes.text);
    assert_eq!((notes(first), notes(there)), (Ok(String::new()), Ok("There. ".into())), "without what was made apart");
    assert_eq!(ours.view_at(there).as_ref(), theirs.view().as_deref(), "the same on both");
    assert_eq!(notes([9; 32]), Err(CampaignError::NoSuchVersion));
    assert_eq!((change_hash(b"no change"), ours.versions().len()), (None, 3));
}

#[test]
fn a_hub_undoes_its_own_change_and_what_others_wrote_since_stays() {
    let mut campaign = started();
    edited(&mut campaign, WARMINSTER, story(0, 0, "One. Two. Three."));
    edited(&mut campaign, LUTON, story(5, 5, "2 and a half. "));
    let theirs = last(&campaign);
    // Within what is to be undone, and beside it.
    edited(&mut campaign, WARMINSTER, story(6, 0, "!"));
    edited(&mut campaign, WARMINSTER, story(0, 0, "Zero. "));
    assert_eq!(campaign.undo(WARMINSTER.node, theirs), Err(CampaignError::NotOwn));
    campaign.undo(LUTON.node, theirs).expect("undone");
    assert_eq!(campaign.copy().view().expect("a campaign").story.text, "Zero. One. Two!. Three.");
    let undoing = last(&campaign);
    campaign.undo(LUTON.node, undoing).expect("undone again");
    assert!(campaign.view().expect("a campaign").story.text.contains("2 and a half"));
}

#[test]
fn everything_can_be_undone() {
    let mut campaign = started();
    edited(&mut campaign, WARMINSTER, Edit::AppendNotes("Tea made.".into()));
    edited(&mut campaign, WARMINSTER, mark(0, 3, true));
    edited(&mut campaign, WARMINSTER, Edit::Add(task("Leaflets")));
    edited(&mut campaign, WARMINSTER, Edit::SignUp { organisation: "Library".into(), date: None });
    edited(&mut campaign, WARMINSTER, reach(40));
    let view = campaign.view().expect("a campaign");
    let (task_id, library) = (view.entries[0].id, view.organisations[0].id);
    let done = Item::Task { title: String::new(), hub: String::new(), due: None, state: TaskState::Done };
    for edit in [
        Edit::Title("Another".into()),
        Edit::Aim("An aim".into()),
        Edit::SignUp { organisation: "Choir".into(), date: None },
        Edit::Remove { list: List::Organisations, id: library },
        Edit::Add(task("Posters")),
        Edit::Remove { list: List::Tasks, id: task_id },
        Edit::Update { id: task_id, item: done, fields: vec![Field::State] },
        Edit::Write { prose: Prose::Notes, at: 0, delete: 4, insert: String::new() },
        mark(0, 2, false),
        mark(4, 8, true),
        reach(2),
        reach(-10),
    ] {
        let mut campaign = campaign.copy();
        edited(&mut campaign, WARMINSTER, edit.clone());
        let change = last(&campaign);
        campaign.undo(WARMINSTER.node, change).unwrap_or_else(|error| panic!("{edit:?}: {error}"));
        let left = differences(&view, &campaign.copy().view().expect("a campaign"));
        // What was taken away comes back as an entry of its own.
        let left: Vec<String> = left.iter().map(words).map(|words| words.replace(['+', '-'], "±")).collect();
        let again = |words: &String| left.iter().filter(|it| *it == words).count() == 2;
        assert!(left.iter().all(again), "{edit:?}: {left:?}");
        let said = campaign.view();
        let mut later = campaign.copy();
        assert_eq!(later.undo(WARMINSTER.node, change), Err(CampaignError::NothingToUndo), "{edit:?}, twice");
        assert_eq!(later.view(), said);
    }
}

#[test]
fn what_was_changed_since_is_not_undone() {
    let mut campaign = started();
    edited(&mut campaign, WARMINSTER, Edit::Aim("First".into()));
    let first = last(&campaign);
    edited(&mut campaign, LUTON, Edit::Aim("Second".into()));
    assert_eq!(campaign.undo(WARMINSTER.node, first), Err(CampaignError::NothingToUndo));
    assert_eq!(campaign.view().map(|view| view.aim.clone()), Ok("Second".into()));
    assert_eq!(campaign.undo(WARMINSTER.node, [9; 32]), Err(CampaignError::NoSuchVersion));
}

/// People who were counted and corrected are not taken off a second time, which would swallow whoever is counted next.
#[test]
fn what_was_corrected_or_written_into_since_is_not_undone() {
    let mut campaign = started();
    edited(&mut campaign, WARMINSTER, reach(140));
    let counted = last(&campaign);
    edited(&mut campaign, WARMINSTER, reach(-140));
    assert_eq!(campaign.undo(WARMINSTER.node, counted), Err(CampaignError::NothingToUndo));
    edited(&mut campaign, WARMINSTER, reach(100));
    let reached = |campaign: &Campaign| campaign.view().expect("a campaign").outcome().reach.into_values().sum::<u64>();
    assert_eq!(reached(&campaign), 100);

    edited(&mut campaign, WARMINSTER, Edit::Add(task("Leaflets")));
    let added = last(&campaign);
    let id = campaign.view().expect("a campaign").entries[0].id;
    let done = Item::Task { title: String::new(), hub: String::new(), due: None, state: TaskState::Done };
    edited(&mut campaign, LUTON, Edit::Update { id, item: done, fields: vec![Field::State] });
    assert_eq!(campaign.undo(WARMINSTER.node, added), Err(CampaignError::NothingToUndo));
    assert_eq!(campaign.view().expect("a campaign").entries.len(), 1);
}

/// The title as it was, a note that was taken out again: none of it is in a document that is begun anew, and all that stands
/// is, of whoever it was.
#[test]
fn a_document_begun_anew_says_the_same_and_remembers_nothing() {
    let (one, other) = (Actor { node: [1; 32], incarnation: 1 }, Actor { node: [2; 32], incarnation: 1 });
    let mut campaign = Campaign::blank();
    let month = Month::new(2018, 10).expect("a month");
    let task = Item::Task { title: "Leaflets".into(), hub: "02".repeat(32), due: None, state: TaskState::Doing };
    for (actor, edit) in [
        (one, Edit::Title("Aisha at number 7".into())),
        (one, Edit::Title("Warm homes".into())),
        (other, Edit::SignUp { organisation: "Library".into(), date: None }),
        (other, Edit::Add(task)),
        (one, Edit::SignUp { organisation: "Church".into(), date: None }),
        (other, Edit::CountReach { month, people: 40 }),
        (one, Edit::CountReach { month, people: 2 }),
        (one, Edit::AppendNotes("Rota agreed. 🚌 Aisha said so.".into())),
        (one, Edit::Write { prose: Prose::Notes, at: 16, delete: 14, insert: String::new() }),
        (one, Edit::Mark { prose: Prose::Notes, start: 0, end: 4, style: Style::Strong, on: true }),
    ] {
        campaign.edit(actor, &edit).expect("an edit");
    }
    let anew = campaign.anew(Actor { incarnation: 9, ..one }).expect("begun anew");
    let (before, after) = (campaign.view().expect("a view"), anew.view().expect("a view"));
    assert_eq!((&after.title, &after.notes, &after.reach), (&before.title, &before.notes, &before.reach));
    let organisations = |view: &View| -> Vec<(String, String)> {
        view.organisations.iter().map(|one| (one.organisation.clone(), one.hub.clone())).collect()
    };
    assert_eq!(organisations(&after), organisations(&before));
    let entries = |view: &View| -> Vec<(String, Item)> {
        view.entries.iter().map(|one| (one.added_by.clone(), one.item.clone())).collect()
    };
    assert_eq!(entries(&after), entries(&before));
    let changes =
        |campaign: &Campaign| campaign.changes().into_iter().flat_map(|(_, change)| change).collect::<Vec<u8>>();
    let holds = |bytes: &[u8]| bytes.windows(5).any(|window| window == b"Aisha");
    assert!(holds(&changes(&campaign)), "the search itself works");
    assert!(!holds(&changes(&anew)));
    let (snapshot, heads) = anew.snapshot();
    let mut loaded = Campaign::load(&snapshot, &heads).expect("loads").in_place_of_another();
    // Members edit on.
    loaded.edit(other, &Edit::AppendNotes("On we go.".into())).expect("an edit").expect("a change");
    // What stands on nothing stands on the old document.
    let stale = Campaign::blank()
        .edit(Actor { incarnation: 77, ..other }, &Edit::Aim("Heat for Aisha".into()))
        .expect("an edit");
    let stale = [stale.expect("a change")];
    assert_eq!(admit(&mut loaded, other.node, &stale), Verdict::Waiting);
    assert_eq!(admit(&mut campaign, other.node, &stale), Verdict::Admitted);
}

/// Also one that says nothing, so that whoever edits it builds on something.
#[test]
fn nobody_who_has_a_document_begun_anew_builds_on_nothing() {
    let lead = Actor { node: [1; 32], incarnation: 1 };
    let mut anew = Campaign::blank().anew(lead).expect("begun anew").in_place_of_another();
    assert!(!anew.is_empty());
    assert_eq!(anew.view(), Campaign::blank().view());
    anew.edit(lead, &Edit::AppendNotes("On we go.".into())).expect("an edit").expect("a change");
}

#[test]
fn what_was_tried_can_be_taken_back_and_admitted_then() {
    let mut apart = started();
    let changes: Vec<Vec<u8>> =
        [Edit::Aim("A databank".into()), Edit::Add(task("Leaflets")), Edit::AppendNotes("Met the council.".into())]
            .map(|edit| edited(&mut apart, LUTON, edit))
            .into();
    let mut campaign = started();
    let before = (campaign.heads(), campaign.view().expect("a view"));
    let bookmark = campaign.bookmark().expect("a place to go back to");
    assert_eq!(admit(&mut campaign, LUTON.node, &changes), Verdict::Admitted);
    let after = campaign.view().expect("a view");
    campaign.go_back(bookmark);
    assert_eq!((campaign.heads(), campaign.view().expect("a view")), before);
    // A part of it alone, another change first, and then the whole.
    let mut other = campaign.copy();
    assert_eq!(admit(&mut other, LUTON.node, &changes[..1]), Verdict::Admitted);
    let bookmark = campaign.bookmark().expect("a place to go back to");
    assert_eq!(admit(&mut campaign, LUTON.node, &changes), Verdict::Admitted);
    campaign.go_back(bookmark);
    edited(&mut campaign, WARMINSTER, Edit::AppendNotes("Before that. ".into()));
    assert_eq!(admit(&mut campaign, LUTON.node, &changes), Verdict::Admitted);
    let view = campaign.view().expect("a view");
    assert_eq!((&view.aim, &view.entries), (&after.aim, &after.entries));
    assert!(view.notes.text.contains("Before that. ") && view.notes.text.contains("Met the council."));
    // What was drafted and came to nothing is in nobody's way.
    let drafted = campaign.draft(WARMINSTER, &Edit::Aim("Never admitted".into())).expect("fits").expect("a change");
    edited(&mut campaign, LUTON, Edit::Aim("Another".into()));
    assert_eq!(campaign.view().expect("a view").aim, "Another");
    assert_eq!(admit(&mut campaign, WARMINSTER.node, &[drafted]), Verdict::Admitted, "made apart, it merges");
    assert_eq!(campaign.copy().view().expect("a view"), campaign.view().expect("a view"));
}
