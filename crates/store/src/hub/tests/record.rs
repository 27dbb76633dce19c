//! Listenings one at a time.

use std::collections::BTreeSet;

use folkmoot_domain::calendar::Period;
use folkmoot_domain::import::NewListening;

use super::*;
use crate::error::StoreError;

/// A line of `listenings.csv` as a program hands it over.
fn new(line: &str) -> NewListening {
    let fields: Vec<String> = line.split(',').map(|field| field.trim().to_owned()).collect();
    let [reference, date, organiser, person, campaign, mode, ward, themes, kind, repeat, note] =
        fields.try_into().expect("eleven fields");
    let themes = themes.split(';').filter(|theme| !theme.is_empty()).map(str::to_owned).collect();
    let repeat = repeat == "yes";
    NewListening { reference, date, organiser, person, campaign, mode, ward, themes, kind, repeat, note }
}

fn with_people() -> HubStore {
    let hub = hub();
    track(&hub, &programme("COEP", "2017-04-01", "2020-03-31"));
    let before: Vec<_> = SMALL.iter().filter(|(file, _)| *file != File::Listenings).copied().collect();
    import(&hub, &before);
    hub
}

/// All that the hub has counted, and every listening, without what differs from one writing to the next.
fn held(hub: &HubStore) -> Vec<String> {
    let periods = ["2018-Q2", "2018-Q3", "2018/19", "programme/COEP"].map(|period| period.parse::<Period>().unwrap());
    let mut held = Vec::new();
    for period in periods {
        held.extend(hub.figures(&period).unwrap().cells().map(|(cell, seen)| format!("{period} {cell} {seen:?}")));
    }
    let listenings = hub.store.read("listenings", |connection| {
        let mut statement = connection.prepare(
            "SELECT ref || date || organiser || ifnull(person, '') || ifnull(campaign, '') || mode || ward || themes || \
             kind || repeat || note || created_by || updated_by || version FROM listening ORDER BY ref",
        )?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?)
    });
    held.extend(listenings.unwrap());
    held
}

#[test]
fn listenings_written_down_are_those_of_an_import() {
    let imported = hub();
    track(&imported, &programme("COEP", "2017-04-01", "2020-03-31"));
    import(&imported, SMALL);
    let lines = SMALL.iter().find(|(file, _)| *file == File::Listenings).expect("listenings").1;

    let recorded = with_people();
    for line in lines.lines() {
        recorded.record_listening(OPERATOR, &new(line)).unwrap().expect("a good listening");
    }
    assert_eq!(held(&recorded), held(&imported));
    // What was written down is known to an import, and the other way round.
    assert_eq!(counts(&take(&recorded, &mut ImportRun::new(OPERATOR), File::Listenings, lines)), [0, 0, 3, 0]);
    for line in lines.lines() {
        imported.record_listening(OPERATOR, &new(line)).unwrap().expect("held already");
    }
    assert_eq!(held(&recorded), held(&imported));
}

#[test]
fn the_same_again_is_given_as_it_stands() {
    let hub = with_people();
    let line = "C-1,2018-04-05,P-2,P-1,L-1,door,E05000001,damp;buses,concern,no,said so";
    let first = hub.record_listening(OPERATOR, &new(line)).unwrap().unwrap();
    let before = hub.store.snapshot().unwrap();
    for same in [line, "C-1,05/04/2018,P-2,P-1,L-1,DOOR,E05000001,damp;buses,Concern,no,said so"] {
        assert_eq!(hub.record_listening(Writer { uid: 7 }, &new(same)).unwrap().unwrap(), first);
    }
    for other in [
        "C-1,2018-04-06,P-2,P-1,L-1,door,E05000001,damp;buses,concern,no,said so",
        "C-1,2018-04-05,P-2,P-2,L-1,door,E05000001,damp;buses,concern,no,said so",
        "C-1,2018-04-05,P-2,P-1,,door,E05000001,damp;buses,concern,no,said so",
        "C-1,2018-04-05,P-2,P-1,L-1,door,E05000001,damp;buses,concern,no,",
    ] {
        assert!(matches!(hub.record_listening(OPERATOR, &new(other)), Err(StoreError::ListeningStands)), "{other}");
    }
    assert!(hub.store.snapshot().unwrap() == before, "not a byte differs");
}

#[test]
fn a_listening_without_a_ref_is_given_one() {
    let hub = with_people();
    let line = ",2018-04-05,P-2,,,street,,,vision,no,";
    let refs: BTreeSet<String> = (0..2)
        .map(|_| hub.record_listening(OPERATOR, &new(line)).unwrap().unwrap())
        .map(|recorded| recorded.listening.reference.as_str().to_owned())
        .collect();
    assert_eq!(refs.len(), 2, "each is a listening of its own");
    for reference in refs {
        let id: uuid::Uuid = reference.parse().expect("a UUID");
        assert_eq!(id.get_version_num(), 7);
        // By its ref it can be repeated from then on.
        hub.record_listening(OPERATOR, &new(&format!("{reference}{line}"))).unwrap().expect("held already");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once_and_nothing_is_written() {
    let hub = with_people();
    let before = hub.store.snapshot().unwrap();
    let lost = "no such person here: import people.csv with this ref first";
    for (line, expected) in [
        ("C-1,2018-04-05,P-2,P-9,,door,,,concern,no,", vec![("person_ref", lost)]),
        (
            "C-1,2018-02-30,P-8,P-9,L-9,tent,,,concern,no,",
            vec![
                ("date", "no such date; write it as 2018-06-30 or 30/06/2018"),
                ("mode", "no such mode; one of door, one-to-one, street, online, group"),
                ("organiser_ref", "no such organiser here: import people.csv with this ref first"),
                ("person_ref", lost),
                ("campaign_ref", "no such listening campaign here: import listening_campaigns.csv with this ref first"),
            ],
        ),
    ] {
        let refused = hub.record_listening(OPERATOR, &new(line)).unwrap().unwrap_err();
        let refused: Vec<_> = refused.iter().map(|wrong| (wrong.field.as_str(), wrong.reason.as_str())).collect();
        assert_eq!(refused, expected, "{line}");
    }
    assert!(hub.store.snapshot().unwrap() == before, "not a byte differs");
}
