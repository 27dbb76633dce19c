//! Statistics by nation, region and hub; revisions; wards; coverage. The Academy's clock stands at 1 April 2026.

use folkmoot_domain::indicator::{Category, Dimension, Ward};

use super::*;

const DAY: i64 = 24 * HOUR;

fn selection(period: &str, by: By) -> Selection {
    Selection {
        periods: vec![period.parse().unwrap()],
        indicators: vec![Indicator::PeopleMobilised],
        cells: Cells::Headline,
        by,
        region: None,
        hub: None,
    }
}

impl Academy {
    fn hub(&self, number: u8, name: &str, region: &str) -> NodeId {
        let id = self.join(number, name, HubKind::SocialActionHub, Stage::Active);
        let change = HubChange { region: Some(region.to_owned()), ..HubChange::default() };
        self.academy.update_hub(WhichHub::Id(id), change).unwrap();
        id
    }

    fn observe(&self, selection: &Selection) -> Vec<Observation> {
        let (observations, more) = self.academy.observations(selection, None, 10_000).unwrap();
        assert!(!more);
        observations
    }

    /// What is known in each area.
    fn known(&self, selection: &Selection) -> Vec<(String, Known)> {
        let area = |area: Area| match area {
            Area::Nation => "nation".to_owned(),
            Area::Region(name) | Area::Hub(name, _) => name,
        };
        self.observe(selection).into_iter().map(|one| (area(one.position.area), one.known)).collect()
    }

    /// Takes in a release by the number of its entry.
    fn take(&self, parts: &ReleaseParts, seq: u64) {
        assert_eq!(self.receive(parts, 1, seq), None);
    }
}

fn named<T: Clone>(known: &[(&str, T)]) -> Vec<(String, T)> {
    known.iter().map(|(name, known)| ((*name).to_owned(), known.clone())).collect()
}

fn mobilised(hub: NodeId, period: &str, revision: u32, people: u64) -> ReleaseParts {
    ReleaseParts { revision, ..release(hub, period, people, 100) }
}

#[test]
fn regions_add_up_their_hubs_and_follow_the_directory() {
    let node = academy();
    let warminster = node.hub(7, "Warminster", "South West");
    let hull = node.hub(8, "Hull", "Yorkshire");
    let leeds = node.hub(9, "Leeds", "Yorkshire");
    node.hub(10, "Luton", "East");
    node.take(&release(warminster, "2018-Q3", 12, 1), 2);
    node.take(&release(hull, "2018-Q3", 3, 1), 2);
    node.take(&release(leeds, "2018-Q3", 30, 1), 2);

    let by_region = selection("2018-Q3", By::Region);
    let expected = [
        ("East", Known::NotHeld),
        ("South West", Known::Exact(12)),
        ("Yorkshire", Known::Between { low: 30, high: Some(37) }),
    ];
    assert_eq!(node.known(&by_region), named(&expected));
    let yorkshire = node.observe(&by_region).remove(2);
    assert_eq!((yorkshire.hubs, yorkshire.hubs_hidden, yorkshire.hubs_missing), (2, 1, 0));
    assert_eq!(node.observe(&by_region)[0].hubs_missing, 1);
    let one = Selection { region: Some("South West".to_owned()), ..by_region.clone() };
    assert_eq!(node.known(&one), named(&expected[1..2]));

    // Hull alone hid its figure: by hub it is as it was released.
    let by_hub = selection("2018-Q3", By::Hub);
    let hubs = [
        ("Hull", Known::Hidden { low: 0, high: Some(7) }),
        ("Leeds", Known::Exact(30)),
        ("Luton", Known::NotHeld),
        ("Warminster", Known::Exact(12)),
    ];
    assert_eq!(node.known(&by_hub), named(&hubs));
    let one = Selection { hub: Some("Leeds".to_owned()), ..by_hub.clone() };
    assert_eq!(node.known(&one), named(&hubs[1..2]));
    let theirs = Selection { region: Some("Yorkshire".to_owned()), ..by_hub };
    assert_eq!(node.known(&theirs), named(&hubs[..2]));

    let change = HubChange { region: Some("East".to_owned()), ..HubChange::default() };
    node.academy.update_hub(WhichHub::Id(leeds), change).unwrap();
    let moved = [
        ("East", Known::Exact(30)),
        ("South West", Known::Exact(12)),
        ("Yorkshire", Known::Hidden { low: 0, high: Some(7) }),
    ];
    assert_eq!(node.known(&by_region), named(&moved));
}

#[test]
fn the_latest_revision_counts_whatever_order_they_come_in() {
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let node = academy();
        let hub = node.hub(7, "Warminster", "South West");
        for (seq, revision) in order.into_iter().enumerate() {
            node.take(&mobilised(hub, "2018-Q3", revision, 20 + u64::from(revision)), seq as u64 + 2);
        }
        assert_eq!(node.line("2018-Q3", Indicator::PeopleMobilised).value, Some(22), "{order:?}");
        assert_eq!(node.line("2018-Q3", Indicator::PeopleMobilised).hubs, 1);
        let period: Period = "2018-Q3".parse().unwrap();
        let behind = node.academy.releases_behind(&period).unwrap();
        assert_eq!(behind.iter().map(|release| release.revision).collect::<Vec<_>>(), [2]);
        let payload = format!("{:?}", mobilised(hub, "2018-Q3", 2, 22));
        assert_eq!(behind[0].payload_hash, Hash::of(payload.as_bytes()));
        assert_eq!(behind[0].entry_hash, Hash::of(format!("{payload}entry").as_bytes()));
        assert_eq!((behind[0].policy_version, behind[0].terms), (1, Terms::FLOOR));
    }
}

#[test]
fn what_a_withdrawn_revision_revised_stands_again() {
    let node = academy();
    let hub = node.hub(7, "Warminster", "South West");
    let withdraw = |after| node.store.write("test fork", move |tx| withdraw_releases(tx, hub, Incarnation(1), after));
    let value = || node.line("2018-Q3", Indicator::PeopleMobilised).value;
    for revision in 0..3 {
        node.take(&mobilised(hub, "2018-Q3", revision, 20 + u64::from(revision)), u64::from(revision) + 2);
    }
    withdraw(2).unwrap();
    assert_eq!(value(), Some(20));
    node.take(&mobilised(hub, "2018-Q3", 1, 31), 3);
    assert_eq!(value(), Some(31));
    withdraw(1).unwrap();
    assert_eq!((value(), node.line("2018-Q3", Indicator::PeopleMobilised).hubs), (None, 0));
    assert_eq!(node.academy.reported_periods().unwrap(), []);
    node.take(&mobilised(hub, "2018-Q3", 0, 20), 2);
    assert_eq!(value(), Some(20));
}

fn listened(figure: Figure, wards: &[(&str, u64)]) -> Vec<(CellKey, Figure)> {
    let ward = |code: &str| Category::Ward(Ward::from_code(code).unwrap());
    let listed = wards
        .iter()
        .map(|(code, people)| (CellKey::category(Indicator::PeopleListenedTo, ward(code)), Figure::Rounded(*people)));
    let totals = [headline(Indicator::PeopleListenedTo, figure), headline(Indicator::Listenings, Figure::Withheld)];
    totals.into_iter().chain(listed).collect()
}

#[test]
fn a_ward_that_a_release_does_not_list_may_still_have_people() {
    let node = academy();
    let nobody = node.hub(6, "Exeter", "South West");
    let many = node.hub(7, "Hull", "Yorkshire");
    let few = node.hub(8, "Leeds", "Yorkshire");
    let none = node.hub(9, "Luton", "East");
    node.take(&release_of(nobody, "2018-Q3", 0, &[]), 2);
    node.take(
        &release_of(many, "2018-Q3", 0, &listened(Figure::Exact(50), &[("E05000001", 20), ("E05000002", 30)])),
        2,
    );
    node.take(&release_of(few, "2018-Q3", 0, &listened(Figure::Exact(40), &[("E05000001", 35)])), 2);
    // Whoever lists no ward at all may have all its people in one.
    node.take(&release_of(none, "2018-Q3", 0, &listened(Figure::Exact(12), &[])), 2);

    let wards =
        |by| Selection { indicators: Vec::new(), cells: Cells::Of(Dimension::Ward), ..selection("2018-Q3", by) };
    let nation: Vec<_> = node
        .observe(&wards(By::Nation))
        .into_iter()
        .map(|one| {
            (one.position.key.category_code().to_owned(), one.known, one.hubs, one.hubs_hidden, one.hubs_rounded)
        })
        .collect();
    assert_eq!(
        nation,
        [
            // 18 to 22 and 33 to 37, and up to 12 at Luton.
            ("E05000001".to_owned(), Known::Between { low: 51, high: Some(22 + 37 + 12) }, 4, 1, 2),
            // 28 to 32, up to 7 at Leeds, and up to 12 at Luton.
            ("E05000002".to_owned(), Known::Between { low: 28, high: Some(32 + 7 + 12) }, 4, 2, 1),
        ]
    );
    let second = node.known(&wards(By::Region)).split_off(3);
    assert_eq!(
        second,
        named(&[
            ("East", Known::Hidden { low: 0, high: Some(12) }),
            ("South West", Known::Exact(0)),
            ("Yorkshire", Known::Between { low: 28, high: Some(39) }),
        ])
    );
    let second = node.known(&wards(By::Hub)).split_off(4);
    assert_eq!(
        second,
        named(&[
            ("Exeter", Known::Exact(0)),
            ("Hull", Known::Rounded { value: 30, low: 28, high: 32 }),
            ("Leeds", Known::Hidden { low: 0, high: Some(7) }),
            ("Luton", Known::Hidden { low: 0, high: Some(12) }),
        ])
    );
    // A hub that says nothing of its people says nothing of its wards.
    let silent = node.hub(10, "Meir", "East");
    node.take(&release_of(silent, "2018-Q3", 0, &listened(Figure::Withheld, &[])), 2);
    let first = node.observe(&wards(By::Nation)).remove(0);
    assert_eq!(first.known, Known::Between { low: 51, high: None });
}

#[test]
fn by_hub_nothing_is_shown_that_a_published_total_would_give_away() {
    let node = academy();
    node.academy.create_programme(&coep(), "").unwrap();
    let first = node.hub(7, "Hull", "Yorkshire");
    let second = node.hub(8, "Leeds", "Yorkshire");
    let trained = |hub, figure| {
        let figures = [
            headline(Indicator::PeopleTrained, figure),
            headline(Indicator::YoungPeopleTrained, Figure::Below(8)),
            headline(Indicator::TrainingSessions, Figure::Exact(9)),
            headline(Indicator::TrainingMinutes, Figure::Withheld),
        ];
        release_of(hub, "programme/COEP", 0, &figures)
    };
    // 3,966 were trained, as published: with 3,961 at Hull, 5 are left for Leeds.
    node.take(&trained(first, Figure::Exact(3_961)), 2);
    node.take(&trained(second, Figure::Below(8)), 2);
    let of = |by, indicator| Selection { indicators: vec![indicator], ..selection("programme/COEP", by) };
    let of_trained = |by| of(by, Indicator::PeopleTrained);
    let hidden = [("Hull", Known::BesideTotal), ("Leeds", Known::BesideTotal)];
    assert_eq!(node.known(&of_trained(By::Hub)), named(&hidden));
    assert_eq!(node.known(&of_trained(By::Region)), named(&[("Yorkshire", Known::BesideTotal)]));
    assert_eq!(
        node.known(&of_trained(By::Nation)),
        named(&[("nation", Known::Between { low: 3_961, high: Some(3_968) })])
    );
    // What no total is known of is shown.
    let sessions = node.known(&of(By::Hub, Indicator::TrainingSessions));
    assert_eq!(sessions, named(&[("Hull", Known::Exact(9)), ("Leeds", Known::Exact(9))]));
    // While another hub is missing, anything may be left for it.
    node.hub(9, "Luton", "East");
    let shown =
        [("Hull", Known::Exact(3_961)), ("Leeds", Known::Hidden { low: 0, high: Some(7) }), ("Luton", Known::NotHeld)];
    assert_eq!(node.known(&of_trained(By::Hub)), named(&shown));
}

#[test]
fn differences_need_five_hubs_on_both_sides() {
    let node = academy();
    let hubs: Vec<NodeId> = (7..13).map(|number| node.hub(number, &format!("Hub {number}"), "East")).collect();
    for hub in &hubs[..5] {
        node.take(&release(*hub, "2018-Q2", 10, 1), 2);
    }
    for hub in &hubs[..4] {
        node.take(&release(*hub, "2018-Q3", 12, 1), 3);
    }
    let change = |by| node.observe(&selection("2018-Q3", by)).remove(0).change;
    assert_eq!(change(By::Nation), Change::FewHubs);
    node.take(&release(hubs[5], "2018-Q3", 3, 1), 3);
    let expected = Change::Between { low: Some(-2), high: Some(5), hubs_before: 5, hubs_both: 4 };
    assert_eq!((change(By::Nation), change(By::Region)), (expected, expected));
    assert_eq!(change(By::Hub), Change::FewHubs);
    let before = node.observe(&selection("2018-Q2", By::Nation)).remove(0).change;
    assert_eq!(before, Change::NotPublished);
    node.academy.create_programme(&coep(), "").unwrap();
    let programme = node.observe(&selection("programme/COEP", By::Nation)).remove(0).change;
    assert_eq!(programme, Change::NoPeriodBefore);
}

#[test]
fn pages_go_through_every_observation_once() {
    let node = academy();
    for number in 7..10 {
        let hub = node.hub(number, &format!("Hub {number}"), "East");
        node.take(&release(hub, "2018-Q2", 10, 1), 2);
        node.take(&release(hub, "2018-Q3", 12, 1), 3);
    }
    for by in [By::Nation, By::Region, By::Hub] {
        let selection = Selection {
            periods: ["2018-Q2", "2018-Q3", "2018-Q4"].map(|period| period.parse().unwrap()).into(),
            indicators: vec![Indicator::ActionsHeld, Indicator::PeopleMobilised],
            cells: Cells::All,
            by,
            region: None,
            hub: None,
        };
        let all = node.observe(&selection);
        let areas = if by == By::Hub { 3 } else { 1 };
        assert_eq!(all.len(), 3 * 25 * areas);
        for size in [1, 7, 25] {
            let (mut after, mut seen): (Option<Position>, Vec<Observation>) = (None, Vec::new());
            loop {
                let (page, more) = node.academy.observations(&selection, after.as_ref(), size).unwrap();
                assert!(page.len() <= size);
                after = page.last().map(|last| last.position.clone());
                seen.extend(page);
                if !more {
                    break;
                }
            }
            assert_eq!(seen, all, "{by:?} {size}");
        }
    }
}

#[test]
fn coverage_says_who_was_late_and_who_is_missing() {
    let node = academy();
    let prompt = node.hub(7, "Prompt", "East");
    let slow = node.hub(8, "Slow", "West");
    node.hub(9, "Silent", "West");
    let closed = node.join(10, "Closed", HubKind::SocialActionHub, Stage::Closed);
    let national = node.join(11, "The charity", HubKind::National, Stage::Active);
    // The quarter closed on 31 March: 61 days after come late.
    node.turn(59 * DAY);
    node.take(&release(prompt, "2026-Q1", 10, 1), 2);
    node.turn(DAY);
    node.take(&release(slow, "2026-Q1", 10, 1), 2);
    node.take(&release(national, "2026-Q1", 10, 1), 2);
    node.turn(DAY);
    // A revision makes nobody late.
    node.take(&ReleaseParts { revision: 1, ..release(prompt, "2026-Q1", 11, 1) }, 3);
    let period: Period = "2026-Q1".parse().unwrap();
    let seen: Vec<_> = node
        .academy
        .coverage(&period)
        .unwrap()
        .into_iter()
        .map(|one| (one.name, one.timeliness, one.released_on.map(iso), one.days_after_close, one.revision))
        .collect();
    let day = |text: &str| Some(text.to_owned());
    assert_eq!(
        seen,
        [
            ("Prompt".to_owned(), Timeliness::OnTime, day("2026-05-30"), Some(60), Some(1)),
            ("Silent".to_owned(), Timeliness::Missing, None, None, None),
            ("Slow".to_owned(), Timeliness::Late, day("2026-05-31"), Some(61), Some(0)),
        ]
    );
    let line = node.line("2026-Q1", Indicator::PeopleMobilised);
    assert_eq!((line.hubs, line.hubs_late, line.hubs_missing), (2, 1, 1));
    // What has not ended, nobody should have released.
    assert_eq!(node.academy.coverage(&"2026-Q2".parse().unwrap()).unwrap(), []);
    // A hub that has closed counts on with what it had released.
    node.take(&release(closed, "2025-Q4", 10, 1), 2);
    let names: Vec<_> = node.academy.coverage(&"2025-Q4".parse().unwrap()).unwrap();
    assert_eq!(names.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["Closed", "Prompt", "Silent", "Slow"]);
    assert_eq!(node.academy.reported_periods().unwrap(), ["2025-Q4", "2026-Q1"].map(|code| code.parse().unwrap()));
}

/// A release of a hub whose campaigns won so many asks, made with some version of the catalogue.
fn of_catalogue(version: u32, hub: NodeId, period: &str, asks: u64) -> ReleaseParts {
    let mut parts = release_of(hub, period, 0, &[headline(Indicator::AsksWon, Figure::Exact(asks))]);
    parts.catalogue_version = version;
    let known =
        |cell: &CellParts| Indicator::from_code(&cell.indicator).is_none_or(|indicator| indicator.since() <= version);
    parts.cells.retain(known);
    parts
}

#[test]
fn a_release_that_does_not_know_an_indicator_is_missing_for_it_and_no_nought() {
    let node = academy();
    let newer = [7, 8].map(|number| node.hub(number, &format!("New {number}"), "East"));
    let older = [9, 10].map(|number| node.hub(number, &format!("Old {number}"), "West"));
    let newest = node.hub(11, "Newest", "West");
    // The first quarter of 2026 closed a day ago; what is of 2018 is late.
    for period in ["2026-Q1", "2018-Q3"] {
        let seq = if period == "2026-Q1" { 2 } else { 3 };
        node.take(&of_catalogue(3, newer[0], period, 5), seq);
        node.take(&of_catalogue(3, newer[1], period, 6), seq);
        node.take(&of_catalogue(2, older[0], period, 0), seq);
    }
    node.take(&of_catalogue(2, older[1], "2018-Q3", 0), 3);
    for (period, late, known) in [("2026-Q1", 0, 3), ("2018-Q3", 2, 4)] {
        let line = node.line(period, Indicator::AsksWon);
        assert_eq!((line.value, line.hubs, line.hubs_missing, line.hubs_late), (Some(11), 2, 3, late), "{period}");
        let line = node.line(period, Indicator::ActionsHeld);
        let all_late = if late > 0 { known } else { 0 };
        assert_eq!((line.value, line.hubs, line.hubs_missing, line.hubs_late), (Some(0), known, 5 - known, all_late));
    }
    let of = |indicator, by| Selection { indicators: vec![indicator], ..selection("2018-Q3", by) };
    let regions = node.observe(&of(Indicator::AsksWon, By::Region));
    let counts: Vec<_> = regions.iter().map(|one| (one.known, one.hubs, one.hubs_missing, one.hubs_late)).collect();
    assert_eq!(counts, [(Known::Exact(11), 2, 0, 2), (Known::NotHeld, 0, 3, 0)]);
    let regions = node.observe(&of(Indicator::ActionsHeld, By::Region));
    let counts: Vec<_> = regions.iter().map(|one| (one.known, one.hubs, one.hubs_missing, one.hubs_late)).collect();
    assert_eq!(counts, [(Known::Exact(0), 2, 0, 2), (Known::Exact(0), 2, 1, 2)]);
    let nation = node.observe(&of(Indicator::AsksWon, By::Nation)).remove(0);
    assert_eq!((nation.known, nation.hubs, nation.hubs_missing), (Known::Exact(11), 2, 3));
    let by_hub = node.observe(&of(Indicator::AsksWon, By::Hub));
    assert_eq!(by_hub.iter().filter(|one| one.known == Known::NotHeld && one.hubs_missing == 1).count(), 3);

    // A release with more than its catalogue has, and one of a catalogue to come.
    let too_much = ReleaseParts { catalogue_version: 2, ..of_catalogue(3, newest, "2018-Q3", 1) };
    let aside = node.receive(&too_much, 1, 2).expect("set aside");
    assert_eq!((aside.reason, aside.retry), (RefusalReason::ReleaseForm, Retry::Never));
    let mut unknown = of_catalogue(4, newest, "2018-Q3", 1);
    unknown.cells.push(CellParts { indicator: "joy".to_owned(), ..unknown.cells[0].clone() });
    let aside = node.receive(&unknown, 1, 3).expect("set aside");
    assert_eq!((aside.reason, aside.retry), (RefusalReason::ReleaseForm, Retry::Upgrade));
    assert!(aside.detail.contains("upgrade"), "{}", aside.detail);
    assert_eq!(node.line("2018-Q3", Indicator::AsksWon).hubs_missing, 3);
    // A revision with the present catalogue says what the first release could not.
    let revised = ReleaseParts { revision: 1, ..of_catalogue(3, older[0], "2018-Q3", 4) };
    node.take(&revised, 4);
    let line = node.line("2018-Q3", Indicator::AsksWon);
    assert_eq!((line.value, line.hubs, line.hubs_missing), (Some(15), 3, 2));
}
