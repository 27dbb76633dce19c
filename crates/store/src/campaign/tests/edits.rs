//! Edits made here, and what they are refused for.

use super::*;

fn refusal<T: fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::CampaignRefused { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_hubs_edit_apart_and_merge() {
    let federation = federation_of(3);
    let [one, two, stranger] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs[..2], true);
    federation.settle();
    let founded = state_at(two, id);
    assert_eq!(founded.view.title, "Warm homes");
    assert_eq!((founded.membership.roster.lead(), founded.membership.roster.members().len()), (one.id, 2));
    note(one, id, "Met the council. ");
    edit(one, id, Edit::SignUp { organisation: "Library".to_owned(), date: None });
    note(two, id, "Printed leaflets. ");
    edit(two, id, Edit::SignUp { organisation: "Library".to_owned(), date: None });
    edit(two, id, Edit::Aim("A warm room in every ward".to_owned()));
    federation.settle();
    assert_eq!(agreed(one, id), agreed(two, id));
    let view = state_at(one, id).view;
    assert_eq!((view.aim.as_str(), view.organisations.len()), ("A warm room in every ward", 1));
    assert!(view.notes.text.contains("council") && view.notes.text.contains("leaflets"), "both hubs' notes");
    assert_eq!(campaigns(one).list().expect("campaigns"), [id]);
    // A hub that is no member holds nothing, and the Academy holds no document.
    assert_eq!(campaigns(stranger).list().expect("campaigns"), []);
    assert!(matches!(campaigns(stranger).get(id), Err(StoreError::NoSuchCampaign)));
    assert_eq!(stranger.tips(Topic::Campaign(id)), []);
    assert_eq!(federation.academy.tips(Topic::Campaign(id)), one.tips(Topic::Campaign(id)));
    assert!(matches!(federation.academy.store.campaigns(), Err(StoreError::WrongRole { .. })));
    let tables = federation.academy.store.read("tables", |connection| {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%campaign%'";
        let mut statement = connection.prepare(sql)?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?)
    });
    assert_eq!(tables.expect("tables"), ["campaign_checkpoint"], "where they lie, and what they cover");
    for (node, peer) in [(one, &federation.academy), (&federation.academy, one), (one, two)] {
        assert_eq!(digest(node, peer), digest(peer, node));
    }
}

#[test]
fn without_the_academy_members_exchange_alone() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, false);
    note(one, id, "Met the council. ");
    federation.settle();
    assert_eq!(federation.academy.tips(Topic::Campaign(id)), [], "the Academy does not relay it");
    assert_eq!(campaigns(two).list().expect("campaigns"), []);
    sync(one, two);
    note(two, id, "Printed leaflets. ");
    sync(two, one);
    assert_eq!(notes(one, id), "Met the council. Printed leaflets. ");
    assert_eq!(agreed(one, id), agreed(two, id));
}

#[test]
fn a_campaign_may_have_no_other_member_and_campaigns_are_listed_by_title() {
    let federation = federation_of(1);
    let hub = &federation.hubs[0];
    for title in ["Trees", "Buses", "Homes"] {
        let campaign = NewCampaign {
            title: title.to_owned(),
            members: BTreeSet::new(),
            readers: BTreeSet::new(),
            academy_relays: true,
        };
        let made = campaigns(hub).create(campaign, "").expect("a campaign");
        assert_eq!((made.membership.roster.members().len(), made.view.title.as_str()), (1, title));
        assert_eq!((made.waiting, made.set_aside), (0, 0));
        assert_eq!(written(hub, made.id), 3, "opening, membership, title");
    }
    let titles: Vec<String> =
        campaigns(hub).list().expect("campaigns").into_iter().map(|id| state_at(hub, id).view.title.clone()).collect();
    assert_eq!(titles, ["Buses", "Homes", "Trees"]);
}

#[test]
fn an_edit_that_changes_nothing_writes_nothing() {
    let federation = federation_of(1);
    let hub = &federation.hubs[0];
    let id = begun(&federation.hubs, true);
    for change in [
        Edit::SignUp { organisation: "Library".to_owned(), date: None },
        Edit::Aim("Warmth".to_owned()),
        Edit::Title("Warm".to_owned()),
    ] {
        let first = edit(hub, id, change.clone());
        let before = written(hub, id);
        assert_eq!(edit(hub, id, change), first);
        assert_eq!(written(hub, id), before);
    }
    assert_eq!(written(hub, id), 6);
}

#[test]
fn a_repeated_request_does_nothing_twice() {
    let federation = federation_of(1);
    let hub = &federation.hubs[0];
    let store = campaigns(hub);
    let create = |title: &str, request: &str| {
        let campaign = NewCampaign {
            title: title.to_owned(),
            members: BTreeSet::new(),
            readers: BTreeSet::new(),
            academy_relays: true,
        };
        store.create(campaign, request).expect("a campaign").id
    };
    let first = create("Trees", "r1");
    assert_eq!(create("Trees", "r1"), first);
    assert_eq!(create("Buses", "r1"), first, "what the first request made");
    let second = create("Trees", "r2");
    assert_ne!(second, first);
    assert_ne!(create("Trees", ""), create("Trees", ""), "an empty id is none");
    let add = |id, request: &str| {
        store
            .edit(id, Edit::AppendNotes("once. ".to_owned()), request)
            .expect("an edit")
            .view
            .notes
            .text
            .matches("once")
            .count()
    };
    assert_eq!([add(first, "r1"), add(first, "r1"), add(first, "r3"), add(first, "r3")], [1, 1, 2, 2]);
    assert_eq!(add(second, "r3"), 1, "another campaign, another request");
    assert_eq!([add(second, ""), add(second, "")], [2, 3]);
    // A request that failed may be made again.
    refusal(store.edit(first, Edit::AppendNotes(String::new()), "r4"));
    assert_eq!(add(first, "r4"), 3);
    let again = hub.restored(&hub.store.snapshot().expect("a snapshot"), 2_001);
    assert_eq!(
        campaigns(&again).edit(first, Edit::AppendNotes("x".to_owned()), "r4").expect("an edit").view.notes.text.len(),
        18
    );
}

#[test]
fn what_cannot_stand_is_refused_with_words_and_nothing_is_written() {
    let federation = federation_of(2);
    let hub = &federation.hubs[0];
    let store = campaigns(hub);
    let create = |title: &str, members: BTreeSet<NodeId>| {
        store.create(
            NewCampaign { title: title.to_owned(), members, readers: BTreeSet::new(), academy_relays: true },
            "r",
        )
    };
    for title in ["", "  ", "a\nb", &"x".repeat(201)] {
        assert!(refusal(create(title, BTreeSet::new())).contains("title"), "{title}");
    }
    let many = (0..1_000_u32).map(|number| NodeId([number.to_be_bytes(); 8].concat().try_into().expect("32 bytes")));
    assert!(refusal(create("Trees", many.collect())).contains("1000 members at most, and this one has 1001"));
    let (unknown, academy) = (NodeId([9; 32]), federation.academy.id);
    match create("Trees", [hub.id, federation.hubs[1].id, unknown, academy].into()) {
        Err(StoreError::UnknownMember { members }) => {
            assert!(members.contains(&unknown.to_string()) && members.contains(&academy.to_string()), "{members}");
            assert!(!members.contains(&hub.id.to_string()), "{members}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(store.list().expect("campaigns"), []);
    let id = create("Trees", BTreeSet::new()).expect("nothing of the request was kept").id;
    let before = written(hub, id);
    for (edit, word) in [
        (Edit::Title(" ".to_owned()), "title"),
        (Edit::Aim("x".repeat(2_001)), "aim"),
        (Edit::SignUp { organisation: String::new(), date: None }, "organisation"),
        (Edit::SignUp { organisation: "x".repeat(201), date: None }, "organisation"),
        (Edit::AppendNotes("x".repeat(20_001)), "notes"),
        (Edit::AppendNotes("secret\u{7}".to_owned()), "notes"),
    ] {
        let reason = refusal(store.edit(id, edit, ""));
        assert!(reason.contains(word) && !reason.contains("secret"), "{reason}");
    }
    assert_eq!(written(hub, id), before);
}

#[test]
fn what_is_not_known_or_not_allowed_says_so() {
    let federation = federation_of(2);
    let hub = &federation.hubs[0];
    let store = campaigns(hub);
    let id = CampaignId([7; 32]);
    let unknown = |result: Result<CampaignState, StoreError>| matches!(result, Err(StoreError::NoSuchCampaign));
    assert!(unknown(store.get(id)) && unknown(store.edit(id, Edit::Aim("x".to_owned()), "")));
    assert!(unknown(store.apply_changes(id, vec![vec![1]])));
    assert!(matches!(store.export(id), Err(StoreError::NoSuchCampaign)));
    let made = begun(&federation.hubs, true);
    hub.store.freeze();
    assert!(matches!(store.edit(made, Edit::Aim("x".to_owned()), ""), Err(StoreError::Frozen)));
    assert!(store.get(made).is_ok() && store.list().is_ok(), "a superseded copy still reads");
    let alone = Store::in_memory(Role::Hub, hub.store.name(), crate::engine::tests::ambient()).expect("a store");
    let campaign = NewCampaign {
        title: "Trees".to_owned(),
        members: BTreeSet::new(),
        readers: BTreeSet::new(),
        academy_relays: true,
    };
    let created = alone.campaigns().expect("a hub's store").create(campaign, "");
    assert!(matches!(created, Err(StoreError::NoAuthor)), "{created:?}");
}

/// An automerge client that edits what a hub exported, under the actor that it was given.
struct Client {
    document: folkmoot_campaign::Campaign,
    actor: Actor,
}

impl Client {
    fn of(hub: &Node, id: CampaignId) -> Self {
        let exported = campaigns(hub).export(id).expect("an export");
        let mut node = [0; 32];
        let mut incarnation = [0; 8];
        node.copy_from_slice(&exported.actor[..32]);
        incarnation.copy_from_slice(&exported.actor[32..]);
        let heads = document(hub, id).heads();
        let document = folkmoot_campaign::Campaign::load(&exported.document, &heads).expect("a whole document");
        Self { document, actor: Actor { node, incarnation: u64::from_be_bytes(incarnation) } }
    }

    fn note(&mut self, text: &str) -> Vec<u8> {
        self.document.edit(self.actor, &Edit::AppendNotes(text.to_owned())).expect("an edit").expect("a change")
    }
}

#[test]
fn an_automerge_client_edits_under_an_actor_of_its_own() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, true);
    note(one, id, "Hub. ");
    let (mut left, mut right) = (Client::of(one, id), Client::of(one, id));
    assert_eq!(left.actor.node, one.id.0);
    assert_ne!(left.actor, right.actor, "an actor is given out once");
    let changes = vec![left.note("Left. "), left.note("Left again. ")];
    let other = right.note("Right. ");
    note(one, id, "Meanwhile. ");
    let store = campaigns(one);
    let before = written(one, id);
    let state = store.apply_changes(id, changes.clone()).expect("applied");
    assert_eq!(written(one, id), before + 1);
    for text in ["Hub. ", "Left. Left again. ", "Meanwhile. "] {
        assert!(state.view.notes.text.contains(text), "{text}");
    }
    assert_eq!(store.apply_changes(id, changes.clone()).expect("applied again"), state);
    assert_eq!(store.apply_changes(id, Vec::new()).expect("nothing applied"), state);
    assert_eq!(written(one, id), before + 1, "what is held already writes nothing");
    let both = store.apply_changes(id, vec![changes[1].clone(), other]).expect("applied with a duplicate");
    assert!(both.view.notes.text.contains("Right. "));
    federation.settle();
    assert_eq!(agreed(one, id), agreed(two, id));
}

#[test]
fn changes_of_a_client_are_taken_all_or_none() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    let store = campaigns(one);
    let (state, before) = (state_at(one, id), written(one, id));
    let mut client = Client::of(one, id);
    let (first, second) = (client.note("First. "), client.note("Second. "));
    let foreign = Client::of(two, id).note("Foreign. ");
    let broken = first[..first.len() - 2].to_vec();
    for (changes, words) in [
        (vec![first.clone(), foreign], "change 2"),
        (vec![broken], "change 1"),
        (vec![second.clone()], "builds on changes"),
        (vec![first.clone(), vec![0; 300 * 1024]], "change 2"),
        (vec![Vec::new()], "change 1"),
    ] {
        let reason = refusal(store.apply_changes(id, changes));
        assert!(reason.contains(words), "{reason}");
        assert_eq!((state_at(one, id), written(one, id)), (state.clone(), before));
    }
    assert_eq!(store.apply_changes(id, vec![first, second]).expect("applied").view.notes.text, "First. Second. ");
}

#[test]
fn what_is_too_much_for_one_entry_goes_into_several() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, true);
    let mut client = Client::of(one, id);
    // Text that does not compress: characters of four bytes in an order without a pattern.
    let mut seed = 1_u64;
    let mut text = || -> String {
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from_u32(0x2_0000 + (seed >> 40) as u32 % 40_000).unwrap_or('x')
        };
        (0..20_000).map(|_| next()).collect()
    };
    let changes: Vec<Vec<u8>> = (0..11).map(|_| client.note(&text())).collect();
    let size: usize = changes.iter().map(Vec::len).sum();
    let before = written(one, id);
    let state = campaigns(one).apply_changes(id, changes).expect("applied");
    assert_eq!(state.view.notes.text.chars().count(), 220_000);
    let entries = written(one, id) - before;
    // Two by their bytes, three by what is done in them.
    assert_eq!((size.div_ceil(folkmoot_journal::entry::PAYLOAD_LIMIT), entries), (2, 3), "{size} bytes");
    federation.settle();
    assert_eq!(agreed(one, id), agreed(two, id));
}

#[test]
fn no_text_of_a_campaign_is_shown() {
    let federation = federation_of(1);
    let hub = &federation.hubs[0];
    let campaign = NewCampaign {
        title: "Secret".to_owned(),
        members: BTreeSet::new(),
        readers: BTreeSet::new(),
        academy_relays: true,
    };
    let shown = format!("{campaign:?}");
    let id = campaigns(hub).create(campaign, "").expect("a campaign").id;
    edit(hub, id, Edit::Aim("Secret".to_owned()));
    edit(hub, id, Edit::SignUp { organisation: "Secret".to_owned(), date: None });
    note(hub, id, "Secret");
    let state = state_at(hub, id);
    let exported = campaigns(hub).export(id).expect("an export");
    for text in [shown, format!("{state:?}"), format!("{exported:?}"), format!("{:?}", state.view)] {
        assert!(!text.contains("Secret") && !text.contains("83, 101, 99"), "{text}");
    }
}

/// Whoever repeats another's change in an entry of its own says nothing of when it was made.
#[test]
fn when_a_change_was_made_its_author_alone_says() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs, false);
    [two, three].iter().for_each(|hub| sync(one, hub));
    note(two, id, "Of the other. ");
    sync(one, two);
    let made = |hub: &Node| campaigns(hub).changes(id).expect("history").into_iter().find(|it| it.author == two.id);
    let before = made(one).expect("a change");
    let changes = document(one, id).changes();
    let (_, words) = changes.into_iter().find(|(author, _)| *author == two.id.0).expect("written");
    let repeated = forged_changes(&federation.academy, three, id, 77, &[&[words]]);
    let earlier = repeated.iter().all(|entry| Some(entry.header.written_at) < before.written_at);
    assert!(earlier && before.written_at.is_some(), "{before:?}");
    assert_eq!(reasons(&[one.keep(three, pack(&repeated).expect("packs"))]), [(RefusalReason::CampaignChanges, true)]);
    assert_eq!(made(one), Some(before));
}
