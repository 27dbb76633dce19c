//! What is shown of one person.

use folkmoot_domain::record::Reference;

use super::*;

/// Kind, role, ref and fields of everything held on a person.
fn shown(hub: &HubStore, reference: &str) -> Vec<String> {
    let held = hub.show_person(&Reference::new(reference).unwrap()).unwrap().unwrap();
    held.iter()
        .map(|record| {
            let fields: Vec<_> =
                record.fields.iter().map(|field| format!("{}={}", field.field, field.value.expose())).collect();
            format!("{}/{}/{}: {}", record.kind, record.role, record.reference.expose(), fields.join(" "))
        })
        .collect()
}

#[test]
fn everything_held_on_a_person_is_shown() {
    let hub = hub();
    import(&hub, SMALL);
    assert_eq!(
        shown(&hub, "P-1"),
        [
            "Person//P-1: ref=P-1 name=Aisha email=a@example.org phone=01 postcode=BA12 birth_year=1999 gender=woman \
             ethnicity=asian disability=no consent_to_contact=yes",
            "Attendance/attended/: session_ref=S-1 date=2018-04-03 title=First steps person_ref=P-1 outcome=completed",
            "Listening/heard/C-1: ref=C-1 date=2018-04-05 organiser_ref=P-2 person_ref=P-1 campaign_ref=L-1 mode=door \
             ward=E05000001 themes=damp;buses kind=concern repeat=no note=said so",
            "Participation/took part/: action_ref=A-1 date=2018-05-01 title=Litter pick person_ref=P-1",
            "Action/led/A-1: ref=A-1 date=2018-05-01 title=Litter pick kind=event led_by_ref=P-1",
        ]
    );
    let kinds: Vec<_> = shown(&hub, "P-2").iter().map(|held| held.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(
        kinds,
        [
            "Person//P-2",
            "Trainer assurance/trainer/",
            "Attendance/attended/",
            "Session/trainer/S-1",
            "Listening/organiser/C-1",
            "Listening/organiser/C-2",
            "Listening/organiser/C-3",
            "Participation/took part/",
        ]
    );
}

#[test]
fn nobody_is_shown_for_a_ref_that_is_not_held() {
    assert_eq!(hub().show_person(&Reference::new("P-1").unwrap()).unwrap(), None);
}

#[test]
fn a_change_moves_the_time_of_the_change_alone() {
    let hub = hub();
    import(&hub, SMALL);
    let person = || hub.show_person(&Reference::new("P-2").unwrap()).unwrap().unwrap().remove(0);
    let before = person();
    assert_eq!(before.created, before.updated);
    import(&hub, &[(File::People, "P-2,Dai Evans,,,,,,,,")]);
    let after = person();
    assert_eq!(after.created, before.created);
    assert!(after.updated > before.updated);
    assert!(!format!("{after:?}").contains("Dai"));
}

#[test]
fn a_record_says_who_wrote_it_and_who_changed_it() {
    let hub = hub();
    let person = |line: &str, writer: Writer| {
        let words: Vec<&str> = line.split(',').collect();
        let rows = checked(File::People, [words]);
        hub.import_batch(&mut ImportRun::new(writer), File::People, rows, false).unwrap();
        let held = hub.show_person(&Reference::new("P-1").unwrap()).unwrap().unwrap().remove(0);
        (held.created_by, held.updated_by)
    };
    let root = Writer { uid: 0 };
    assert_eq!(person("P-1,Siân Abdi,,,,,,,,", OPERATOR), (OPERATOR, OPERATOR));
    assert_eq!(person("P-1,Siân Abdi,,,,,,,,", root), (OPERATOR, OPERATOR), "nothing changed");
    assert_eq!(person("P-1,Siân Abdi,,,,1990,,,,", root), (OPERATOR, root));
}

#[test]
fn shown_words_can_be_imported_again() {
    let hub = hub();
    import(&hub, SMALL);
    for reference in ["P-1", "P-2"] {
        for record in hub.show_person(&Reference::new(reference).unwrap()).unwrap().unwrap() {
            let file = File::ALL.into_iter().find(|file| file.noun() == record.kind.to_lowercase());
            let Some(file) = file else { continue };
            let words: Vec<_> = file
                .columns()
                .iter()
                .map(|column| {
                    record.fields.iter().find(|field| field.field == *column).unwrap().value.expose().as_str()
                })
                .collect();
            let outcome = hub.import_batch(&mut ImportRun::new(OPERATOR), file, checked(file, [words]), false).unwrap();
            assert_eq!(counts(&outcome), [0, 0, 1, 0], "{file:?}");
        }
    }
}
