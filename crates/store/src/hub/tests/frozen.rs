//! Facts that approvals freeze: what is late waits, and figures that left agree with each other for good.

use folkmoot_disclosure::{Observations, Policy, Standing, prepare};
use folkmoot_domain::calendar::{Period, parse_date};
use folkmoot_domain::indicator::{CellKey, Indicator};
use tempfile::TempDir;

use super::*;
use crate::hub::{ApprovedRelease, Approver, Counted};

const QUARTERS: [&str; 4] = ["2018-Q2", "2018-Q3", "2018-Q4", "2019-Q1"];

fn period(code: &str) -> Period {
    code.parse().unwrap()
}

fn approve(hub: &HubStore, code: &str, today: &str) -> (ApprovedRelease, Standing) {
    let counted = hub.count_with(&period(code)).unwrap();
    let today = parse_date(today).unwrap();
    let prepared = prepare(&counted.account, &period(code), [7; 32], &Policy::floor(), today).unwrap();
    (hub.approve(&prepared.release, &counted, Approver::Policy).unwrap(), prepared.standing)
}

fn headline(observations: &Observations, indicator: Indicator) -> u64 {
    observations.get(CellKey::headline(indicator)).value
}

fn value(counted: &Counted, code: &str, cell: &str) -> u64 {
    let seen = counted.account.observations(&period(code)).unwrap();
    seen.cells().find(|(key, _)| key.to_string() == cell).map_or(0, |(_, seen)| seen.value)
}

/// The indicators of the latest release of a period that speak of others than are counted now.
fn outdated(counted: &Counted, code: &str) -> Vec<Indicator> {
    counted.account.standing(&period(code)).unwrap().outdated.iter().copied().collect()
}

/// People `P-first` and on, women, all trained in the middle of a quarter.
fn train(hub: &HubStore, people: std::ops::Range<usize>, quarter: &str) {
    let month = match &quarter[5..] {
        "Q1" => "02",
        "Q2" => "05",
        "Q3" => "08",
        _ => "11",
    };
    let mut lines = [String::new(), String::new(), String::new()];
    for number in people {
        lines[0] += &format!("P-{number},,,,,1980,woman,white,no,yes\n");
        lines[2] += &format!("S-{quarter},P-{number},completed\n");
    }
    lines[1] = format!("S-{quarter},{}-{month}-10,c,t,online,60,", &quarter[..4]);
    let [people, sessions, attendances] = &lines;
    import(hub, &[(File::People, people), (File::Sessions, sessions), (File::Attendances, attendances)]);
}

#[test]
fn late_records_wait_until_there_are_eight_and_then_go() {
    let hub = hub();
    train(&hub, 0..20, "2018-Q2");
    approve(&hub, "2018-Q2", "2018-07-10");
    let q2 = period("2018-Q2");
    assert_eq!(hub.count().unwrap().waiting(&q2), 0);

    train(&hub, 20..27, "2018-Q2");
    let counted = hub.count().unwrap();
    assert_eq!((counted.waiting(&q2), value(&counted, "2018-Q2", "People trained")), (7, 20));
    assert_eq!(headline(&hub.figures(&q2).unwrap(), Indicator::PeopleTrained), 27, "the hub itself sees the truth");
    assert_eq!((hub.headlines(&q2).unwrap())[&Indicator::PeopleTrained], 27);
    assert_eq!(outdated(&counted, "2018-Q2"), []);
    assert_eq!(approve(&hub, "2018-Q2", "2019-05-01").1, Standing::Stands);

    train(&hub, 27..28, "2018-Q2");
    let counted = hub.count().unwrap();
    assert_eq!((counted.waiting(&q2), value(&counted, "2018-Q2", "People trained")), (0, 28));
    assert_eq!(value(&counted, "2018/19", "People trained"), 28);
    assert_eq!(outdated(&counted, "2018-Q2"), [Indicator::PeopleTrained, Indicator::TrainingMinutes]);
    let (revision, standing) = approve(&hub, "2018-Q2", "2019-05-01");
    assert_eq!((revision.revision, standing), (1, Standing::Revision));
    assert_eq!(outdated(&hub.count().unwrap(), "2018-Q2"), [], "what was revised is up to date");
}

#[test]
fn an_indicator_in_which_too_few_changed_keeps_all_of_its_family() {
    let hub = hub();
    train(&hub, 0..20, "2018-Q2");
    approve(&hub, "2018-Q2", "2018-07-10");
    // Nine more, one of whom is young: the young would be told apart.
    train(&hub, 20..29, "2018-Q2");
    import(&hub, &[(File::People, "P-20,,,,,2001,woman,white,no,yes")]);
    let counted = hub.count().unwrap();
    assert_eq!((counted.waiting(&period("2018-Q2")), value(&counted, "2018-Q2", "People trained")), (9, 20));
    // What people say in listenings is none of it.
    import(&hub, &[(File::Listenings, "C-1,2018-05-01,P-0,P-1,,door,E05000001,damp,concern,no,")]);
    assert_eq!(hub.count().unwrap().waiting(&period("2018-Q2")), 10);
}

#[test]
fn a_year_agrees_with_its_quarters_although_records_came_late() {
    let hub = hub();
    for (at, quarter) in QUARTERS.into_iter().enumerate() {
        train(&hub, at * 10..at * 10 + 15, quarter);
        approve(&hub, quarter, "2019-04-10");
    }
    train(&hub, 90..91, "2018-Q3");
    let counted = hub.count().unwrap();
    assert_eq!(counted.waiting(&period("2018/19")), 1);
    let minutes = |code: &str| value(&counted, code, "Training minutes");
    assert_eq!(QUARTERS.map(minutes), [900; 4]);
    assert_eq!(minutes("2018/19"), 3_600, "not a minute of the one who came late");
    assert_eq!(value(&counted, "2018/19", "People trained"), 45);
    approve(&hub, "2018/19", "2019-04-10");

    // In a quarter eight are late, of whom seven were in the year before: in the year, one would be told apart.
    train(&hub, 0..7, "2019-Q1");
    train(&hub, 91..92, "2019-Q1");
    let counted = hub.count().unwrap();
    assert_eq!(value(&counted, "2019-Q1", "Training minutes"), 900);
    assert_eq!(counted.waiting(&period("2018/19")), 9);
    // Seven more, and there are eight in either.
    train(&hub, 92..99, "2019-Q1");
    let counted = hub.count().unwrap();
    assert_eq!(value(&counted, "2019-Q1", "Training minutes"), 1_800);
    assert_eq!(value(&counted, "2018/19", "People trained"), 45 + 8);
    assert_eq!(outdated(&counted, "2018/19"), [Indicator::PeopleTrained, Indicator::TrainingMinutes]);
    assert_eq!(outdated(&counted, "2018-Q2"), []);

    // Approving the quarter freezes what the year would now be, too: what the year's release says is known to be old.
    approve(&hub, "2019-Q1", "2019-05-01");
    assert_eq!(outdated(&hub.count().unwrap(), "2018/19"), [Indicator::PeopleTrained, Indicator::TrainingMinutes]);
    assert_eq!(hub.count().unwrap().waiting(&period("2018/19")), 1);
}

#[test]
fn a_corrected_category_waits_everywhere_while_a_release_has_the_other() {
    let hub = hub();
    train(&hub, 0..20, "2018-Q2");
    approve(&hub, "2018-Q2", "2018-07-10");
    train(&hub, 0..12, "2018-Q3");
    import(&hub, &[(File::People, "P-0,,,,,1980,man,white,no,yes")]);
    let counted = hub.count().unwrap();
    for (code, women) in [("2018-Q2", 20), ("2018-Q3", 12), ("2018/19", 20)] {
        assert_eq!(value(&counted, code, "People trained: Women"), women, "{code}");
        assert_eq!(value(&counted, code, "People trained: Men"), 0, "{code}");
    }
    assert_eq!((counted.waiting(&period("2018-Q2")), counted.waiting(&period("2018-Q3"))), (1, 0));

    // Eight of the first quarter are men, of whom four were also in the second, which is not released.
    for number in (1..4).chain(16..20) {
        import(&hub, &[(File::People, &format!("P-{number},,,,,1980,man,white,no,yes"))]);
    }
    let counted = hub.count().unwrap();
    for (code, women, men) in [("2018-Q2", 12, 8), ("2018-Q3", 8, 4), ("2018/19", 12, 8)] {
        assert_eq!(value(&counted, code, "People trained: Women"), women, "{code}");
        assert_eq!(value(&counted, code, "People trained: Men"), men, "{code}");
    }
    assert_eq!(counted.waiting(&period("2018/19")), 0);
}

#[test]
fn what_is_frozen_outlives_the_process() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("node.db");
    let store = Store::create(&path, Role::Hub, &"Warminster".parse().unwrap(), ambient()).unwrap();
    train(&store.hub().unwrap(), 0..20, "2018-Q2");
    approve(&store.hub().unwrap(), "2018-Q2", "2018-07-10");
    train(&store.hub().unwrap(), 20..22, "2018-Q2");
    drop(store);
    let hub = Store::open(&path, ambient()).unwrap().hub().unwrap();
    let counted = hub.count().unwrap();
    assert_eq!((value(&counted, "2018-Q2", "People trained"), counted.waiting(&period("2018-Q2"))), (20, 2));
}

#[test]
fn whoever_is_erased_counts_on_and_revises_nothing() {
    let hub = hub();
    train(&hub, 0..20, "2018-Q2");
    approve(&hub, "2018-Q2", "2018-07-10");
    let erase = |hub: &HubStore| {
        hub.store.write("erase", |tx| {
            Ok(tx.execute_batch(
                "DELETE FROM attendance WHERE person IN (SELECT key FROM person WHERE ref < 'P-18');
                 DELETE FROM presence WHERE person IN (SELECT key FROM person WHERE ref < 'P-18');
                 DELETE FROM person WHERE ref < 'P-18'",
            )?)
        })
    };
    erase(&hub).unwrap();
    let counted = hub.count().unwrap();
    assert_eq!((value(&counted, "2018-Q2", "People trained"), counted.waiting(&period("2018-Q2"))), (20, 0));
    assert_eq!(value(&counted, "2018-Q2", "People trained: Women"), 20);
    // When others change, they are there still, and nothing more is known of them.
    train(&hub, 30..38, "2018-Q2");
    let counted = hub.count().unwrap();
    assert_eq!(value(&counted, "2018-Q2", "People trained"), 28);
    assert_eq!(value(&counted, "2018-Q2", "People trained: Gender not known"), 10);
}

#[test]
fn a_period_without_records_is_counted_when_it_is_asked_for() {
    let hub = hub();
    assert!(hub.count().unwrap().account.periods().next().is_none());
    let asked = period("2018/19");
    let counted = hub.count_with(&asked).unwrap();
    assert_eq!(counted.account.periods().count(), 5, "the year and its quarters");
    assert_eq!(counted.last_import(&asked), None);
    approve(&hub, "2018/19", "2019-05-01");
    train(&hub, 0..3, "2018-Q3");
    let counted = hub.count().unwrap();
    assert_eq!((counted.waiting(&asked), value(&counted, "2018/19", "People trained")), (3, 0));
    // A date that is a slip adds itself, and not the years between.
    train(&hub, 0..1, "2180-Q3");
    assert!(hub.count().unwrap().account.periods().count() < 10);
}

#[test]
fn a_period_says_when_it_was_last_touched_and_which_campaigns_are_open() {
    let hub = hub();
    import(&hub, SMALL);
    let at = |code: &str| hub.count_with(&period(code)).unwrap().last_import(&period(code)).map(|at| at.0 / 60_000);
    let first = at("2018-Q2").unwrap();
    assert_eq!(at("2018/19"), Some(first));
    assert_eq!(at("2020-Q2"), None);
    // Time goes by a second with each look at the clock.
    let later = |looks: usize| assert!((0..looks).map(|_| hub.store.now()).is_sorted());
    later(200);
    import(&hub, &[(File::People, "P-1,Aisha,other@example.org,,,1999,woman,asian,no,yes")]);
    assert_eq!(at("2018-Q2"), Some(first), "another address counts nowhere");
    import(&hub, &[(File::People, "P-1,Aisha,,,,1999,woman,black,no,yes")]);
    let second = at("2018-Q2").unwrap();
    assert!(second > first);
    later(200);
    import(&hub, &[(File::Listenings, "C-2,2018-04-06,P-2,,,street,E05000001,jobs,vision,no,")]);
    assert!(at("2018-Q2").unwrap() > second, "where and what of a listening counts");

    let open = |code: &str| hub.count_with(&period(code)).unwrap().awaiting_report_back(&period(code));
    assert_eq!(open("2018-Q2"), 0, "the one campaign has reported back");
    import(&hub, &[(File::ListeningCampaigns, "L-1,Doors,place,2018-04-01,,")]);
    assert_eq!((open("2018-Q2"), open("2018/19"), open("2018-Q3")), (1, 1, 0));
}
