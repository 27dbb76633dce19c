//! Figures by example; that they are right in general is for the recount to say.

use folkmoot_disclosure::Observation;
use folkmoot_domain::calendar::Period;
use folkmoot_domain::indicator::Dimension;

use super::*;
use crate::error::StoreError;

/// Value, people behind and whether there were events with people, of the cells that are not all zero; without the
/// breakdowns by age, ethnicity and disability, which are as that by gender is.
fn figures(hub: &HubStore, period: &str) -> Vec<(String, u64, u64, bool)> {
    let figures = hub.figures(&period.parse().unwrap()).unwrap();
    let seen = figures.cells().filter(|(cell, seen)| {
        let left_out = [Some(Dimension::AgeBand), Some(Dimension::Ethnicity), Some(Dimension::Disability)];
        *seen != Observation::default() && !left_out.contains(&cell.dimension())
    });
    seen.map(|(cell, seen)| (cell.to_string(), seen.value, seen.people_behind, seen.events_with_people > 0)).collect()
}

fn check(hub: &HubStore, period: &str, expected: &[(&str, u64, u64, bool)]) {
    let expected: Vec<_> = expected.iter().map(|(cell, v, b, e)| ((*cell).to_owned(), *v, *b, *e)).collect();
    assert_eq!(figures(hub, period), expected, "{period}");
}

#[test]
fn a_small_folder_is_counted() {
    let hub = hub();
    import(&hub, SMALL);
    check(
        &hub,
        "2018-Q2",
        &[
            ("People trained", 1, 0, true),
            ("People trained: Women", 1, 0, false),
            ("Young people trained", 1, 0, true),
            ("Young people trained: Women", 1, 0, false),
            ("Training sessions", 1, 0, false),
            ("Training minutes", 90, 1, true),
            ("Trainers quality assured", 1, 0, false),
            ("Listenings", 3, 2, true),
            ("Listenings: Damp", 1, 1, false),
            ("Listenings: Buses", 1, 1, false),
            ("People listened to", 2, 0, true),
            ("People listened to: Women", 1, 0, false),
            ("People listened to: Gender not known", 1, 0, false),
            ("People listened to: Damp", 1, 0, false),
            ("People listened to: Buses", 1, 0, false),
            ("People listened to: E05000001", 1, 0, false),
            ("People mobilised", 2, 0, true),
            ("People mobilised: Women", 1, 0, false),
            ("People mobilised: Gender not known", 1, 0, false),
            ("Actions held", 1, 0, false),
            ("Community projects supported", 1, 0, false),
            ("Funding leveraged", 1_250, 0, false),
        ],
    );
    check(
        &hub,
        "2018-Q3",
        &[("Trainers quality assured", 1, 0, false), ("Listening campaigns reported back", 1, 0, false)],
    );
    check(&hub, "2020-Q2", &[]);
}

#[test]
fn a_session_that_everybody_left_is_an_event_with_people_and_an_empty_one_is_not() {
    let hub = hub();
    import(&hub, &[(File::People, "P-1,,,,,,,,,"), (File::Sessions, "S-1,2018-04-03,c,t,online,60,")]);
    check(&hub, "2018-Q2", &[("Training sessions", 1, 0, false)]);
    import(&hub, &[(File::Attendances, "S-1,P-1,left")]);
    assert!(figures(&hub, "2018-Q2").iter().any(|seen| *seen == ("People trained".to_owned(), 0, 0, true)));
}

#[test]
fn corrections_move_people_between_periods_and_categories() {
    let hub = hub();
    track(&hub, &programme("X", "2018-04-01", "2018-06-30"));
    import(&hub, SMALL);
    let value = |period: &str, cell: &str| {
        figures(&hub, period).into_iter().find(|(name, ..)| name == cell).map_or(0, |(_, value, ..)| value)
    };
    assert_eq!(value("programme/X", "People trained: Women"), 1);

    // Another gender and year of birth.
    import(&hub, &[(File::People, "P-1,Aisha,,,,1980,non-binary,,,")]);
    assert_eq!(value("programme/X", "People trained: Women"), 0);
    assert_eq!(value("programme/X", "People trained: Non-binary people"), 1);
    assert_eq!(value("2018/19", "Young people trained"), 0);
    assert_eq!(value("2018/19", "People trained"), 1);

    // Another day and length for the session.
    import(&hub, &[(File::Sessions, "S-1,2018-07-01,c,t,online,60,")]);
    assert_eq!(value("programme/X", "People trained"), 0);
    assert_eq!(value("2018-Q2", "Training minutes"), 0);
    assert_eq!(value("2018-Q3", "Training minutes"), 60);
    assert_eq!(value("2018/19", "People trained"), 1);

    // Nobody completed it after all.
    import(&hub, &[(File::Attendances, "S-1,P-1,left")]);
    assert_eq!(value("2018/19", "People trained"), 0);
    assert_eq!(value("2018/19", "Training minutes"), 0);
}

#[test]
fn a_programme_is_counted_from_what_is_held_and_registering_it_again_changes_nothing() {
    let hub = hub();
    import(&hub, SMALL);
    let period: Period = "programme/COEP".parse().unwrap();
    assert!(matches!(hub.figures(&period), Err(StoreError::UnknownProgramme { code }) if code == "COEP"));
    let coep = programme("COEP", "2017-04-01", "2020-03-31");
    for _ in 0..2 {
        track(&hub, &coep);
        let figures = hub.figures(&period).unwrap();
        assert_eq!(figures.span(), coep.span);
        let value = |cell: &str| figures.cells().find(|(key, _)| key.to_string() == cell).unwrap().1.value;
        assert_eq!((value("People trained"), value("People mobilised"), value("Listenings")), (1, 2, 3));
    }
}

#[test]
fn distinct_people_are_counted_afresh_in_each_period() {
    let hub = hub();
    track(&hub, &programme("X", "2018-01-01", "2019-12-31"));
    let sessions = "S-1,2018-02-01,c,t,online,60,\nS-2,2018-05-01,c,t,online,60,\nS-3,2018-08-01,c,t,online,60,";
    import(
        &hub,
        &[
            (File::People, "P-1,,,,,,man,,,"),
            (File::Sessions, sessions),
            (File::Attendances, "S-1,P-1,completed\nS-2,P-1,completed\nS-3,P-1,completed"),
        ],
    );
    for (period, people, minutes) in [
        ("2018-Q1", 1, 60),
        ("2018-Q2", 1, 60),
        ("2018-Q3", 1, 60),
        ("2017/18", 1, 60),
        ("2018/19", 1, 120),
        ("programme/X", 1, 180),
    ] {
        let figures = figures(&hub, period);
        let value = |cell: &str| figures.iter().find(|(name, ..)| name == cell).unwrap().1;
        assert_eq!((value("People trained"), value("People trained: Men")), (people, people), "{period}");
        assert_eq!(value("Training minutes"), minutes, "{period}");
    }
}

#[test]
fn ten_thousand_rows_are_counted_in_batches() {
    let hub = hub();
    track(&hub, &programme("X", "2018-01-01", "2018-12-31"));
    let (mut people, mut listenings) = (String::new(), String::new());
    for n in 0..2_000 {
        people += &format!("P-{n},,,,,,,,,\n");
    }
    for n in 0..10_000 {
        let month = n % 12 + 1;
        listenings += &format!("C-{n},2018-{month:02}-05,P-0,P-{},,door,,,concern,no,\n", n % 2_000);
    }
    import(&hub, &[(File::People, &people)]);
    let mut run = ImportRun::new(OPERATOR);
    for batch in checked(File::Listenings, listenings.lines().map(|line| line.split(',').collect())).chunks(500) {
        assert_eq!(counts(&hub.import_batch(&mut run, File::Listenings, batch.to_vec(), false).unwrap())[0], 500);
    }
    let value = |period: &str, cell: &str| figures(&hub, period).iter().find(|(name, ..)| name == cell).unwrap().1;
    assert_eq!((value("programme/X", "Listenings"), value("programme/X", "People listened to")), (10_000, 2_000));
}
