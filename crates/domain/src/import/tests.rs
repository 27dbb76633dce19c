use super::*;
use crate::record::{Disability, Gender};

/// A good row of each file, in the order of its columns.
fn good(file: File) -> Vec<&'static str> {
    match file {
        File::People => {
            vec![
                "P-1",
                "Zoë Okafor",
                "zoe@example.org",
                "07700 900000",
                "BA12 8AA",
                "1984",
                "woman",
                "mixed",
                "no",
                "yes",
            ]
        }
        File::Trainers => vec!["P-1", "2018-01-01", "2021-01-01"],
        File::Sessions => vec!["S-1", "2018-06-30", "foundations", "Foundations", "classroom", "180", "T-1"],
        File::Attendances => vec!["S-1", "P-1", "completed"],
        File::ListeningCampaigns => vec!["L-1", "Listening to Meir", "place", "2018-01-01", "", "2018-05-01"],
        File::Listenings => vec![
            "C-1",
            "2018-06-30",
            "T-1",
            "",
            "L-1",
            "door",
            "E05000001",
            "damp; buses",
            "concern",
            "no",
            "\"Nobody answers\",\nshe said",
        ],
        File::Actions => vec!["A-1", "2018-06-30", "Litter pick", "event", "T-1"],
        File::Participations => vec!["A-1", "P-1"],
        File::Projects => vec!["J-1", "2018-06-30", "Repair café"],
        File::Funding => vec!["F-1", "2018-06-30", "Council", "1250.00"],
    }
}

fn columns(file: File) -> Columns {
    Columns::read(file, file.columns()).expect("a header as it should be").0
}

/// A good row with one field changed.
fn with(file: File, column: &str, value: &'static str) -> Vec<&'static str> {
    let mut row = good(file);
    row[file.columns().iter().position(|known| *known == column).expect("a known column")] = value;
    row
}

fn violations(file: File, row: &[&str]) -> Vec<(String, String)> {
    let checked = check_row(&columns(file), row).expect("not blank");
    checked.record.err().unwrap_or_default().into_iter().map(|wrong| (wrong.field, wrong.reason)).collect()
}

/// Changes one field and expects no violation (`None`) or one whose reason begins so.
fn check(file: File, column: &str, value: &'static str, expected: Option<&str>) {
    let found = violations(file, &with(file, column, value));
    match expected {
        None => assert_eq!(found, [], "{column} {value:?}"),
        Some(reason) => {
            assert_eq!(found.len(), 1, "{column} {value:?}: {found:?}");
            assert_eq!(found[0].0, column);
            assert!(found[0].1.starts_with(reason), "{value:?}: {}", found[0].1);
        }
    }
}

#[test]
fn good_rows_make_records_that_read_back() {
    for file in File::ALL {
        let checked = check_row(&columns(file), &good(file)).unwrap();
        let record = checked.record.unwrap_or_else(|wrong| panic!("{file:?}: {wrong:?}"));
        assert_eq!(record.file(), file);
        let fields = record.fields();
        assert_eq!(fields.iter().map(|(name, _)| *name).collect::<Vec<_>>(), file.columns());
        let written: Vec<&str> = fields.iter().map(|(_, value)| value.as_str()).collect();
        let again = check_row(&columns(file), &written).unwrap();
        assert_eq!(again.record, Ok(record));
        assert_eq!(File::from_name(file.name()), Some(file));
    }
}

#[test]
fn what_is_required_and_what_may_be_empty() {
    use File::*;
    let may_be_empty = [
        (
            People,
            vec![
                "name",
                "email",
                "phone",
                "postcode",
                "birth_year",
                "gender",
                "ethnicity",
                "disability",
                "consent_to_contact",
            ],
        ),
        (Trainers, vec![]),
        (Sessions, vec!["course", "title", "trainer_ref"]),
        (Attendances, vec![]),
        (ListeningCampaigns, vec!["title", "closed_on", "reported_back_on"]),
        (Listenings, vec!["person_ref", "campaign_ref", "ward", "themes", "note"]),
        (Actions, vec!["title", "led_by_ref"]),
        (Participations, vec![]),
        (Projects, vec!["title"]),
        (Funding, vec!["source"]),
    ];
    for (file, optional) in may_be_empty {
        for column in file.columns() {
            check(file, column, " ", (!optional.contains(column)).then_some("is missing"));
        }
    }
}

#[test]
fn fields_are_checked_in_words() {
    use File::*;
    let modes = Some("no such mode; one of door, one-to-one, street, online, group");
    for (file, column, value, expected) in [
        (Listenings, "date", "30/06/2018", None),
        (Listenings, "date", " 2018-06-30 ", None),
        (Listenings, "date", "2018-02-30", Some("no such date")),
        (Listenings, "date", "30 June 2018", Some("no such date")),
        (Listenings, "mode", "ONE-TO-ONE", None),
        (Listenings, "mode", "telepathy", modes),
        (Listenings, "kind", "hope", Some("no such kind; one of concern, vision")),
        (Listenings, "repeat", "maybe", Some("write yes or no")),
        (Listenings, "repeat", "YES", None),
        (Listenings, "repeat", "N", None),
        (Listenings, "person_ref", "P-1", None),
        (Listenings, "themes", ";;", None),
        (ListeningCampaigns, "closed_on", "soon", Some("no such date")),
        (ListeningCampaigns, "closed_on", "2017-01-01", None),
        (Trainers, "expires_on", "2017-01-01", None),
        (Sessions, "minutes", "0", Some("not a whole number of minutes")),
        (Sessions, "minutes", "-90", Some("not a whole number of minutes")),
        (Sessions, "minutes", "+90", Some("not a whole number of minutes")),
        (Sessions, "minutes", "90.5", Some("not a whole number of minutes")),
        (Sessions, "minutes", "100001", Some("not a whole number of minutes")),
        (Sessions, "minutes", "100000", None),
        (Sessions, "mode", "self-directed", None),
        (Attendances, "outcome", "Left", None),
        (Attendances, "outcome", "absent", Some("no such outcome; one of completed, left")),
        (People, "birth_year", "84", Some("no such year")),
        (People, "birth_year", "1849", Some("no such year")),
        (People, "birth_year", "2200", None),
        (People, "birth_year", "+984", Some("no such year")),
        (People, "gender", "Non-Binary", None),
        (
            People,
            "gender",
            "unknown",
            Some("no such gender; one of woman, man, non-binary, prefer-not-to-say, or empty"),
        ),
        (People, "disability", "Y", None),
        (People, "disability", "maybe", Some("no such disability")),
        (People, "consent_to_contact", "y", None),
        (People, "consent_to_contact", "perhaps", Some("write yes or no")),
        (People, "ref", "a\nb", Some("is longer than 200 characters, or has a line break")),
        (Funding, "amount_gbp", "£1,250.00", None),
        (Funding, "amount_gbp", "12.5", None),
        (Funding, "amount_gbp", "1,25", Some("not a number")),
        (Funding, "amount_gbp", "lots", Some("not a number")),
        (Funding, "amount_gbp", "1e3", Some("not a number")),
        (Funding, "amount_gbp", "-lots", Some("not a number")),
        (Funding, "amount_gbp", "£", Some("not a number")),
        (Funding, "amount_gbp", "5.", Some("not a number")),
        (Funding, "amount_gbp", "-5.00", Some("not a positive amount")),
        (Funding, "amount_gbp", "-£5.00", Some("not a positive amount")),
        (Funding, "amount_gbp", "£-5.00", Some("not a positive amount")),
        (Funding, "amount_gbp", "0.00", Some("not a positive amount")),
        (Funding, "amount_gbp", "12.345", Some("more than two decimals")),
        (Funding, "amount_gbp", "0.001", Some("more than two decimals")),
        (Funding, "amount_gbp", "99999999999999999999", Some("too large an amount")),
        (Actions, "led_by_ref", "T-1", None),
    ] {
        check(file, column, value, expected);
    }
}

#[test]
fn amounts_are_pence() {
    for (text, pence) in
        [("1250.00", 125_000), ("£1,254,382.50", 125_438_250), ("12.5", 1_250), ("0.05", 5), ("7", 700)]
    {
        let row = check_row(&columns(File::Funding), &with(File::Funding, "amount_gbp", text)).unwrap();
        let Ok(Record::Funding(funding)) = row.record else { panic!("{text}") };
        assert_eq!(funding.pence, pence, "{text}");
    }
}

#[test]
fn yes_and_no_of_a_disability_may_be_short() {
    for (text, expected) in [("Y", Disability::Yes), ("no", Disability::No), ("", Disability::Unknown)] {
        let row = check_row(&columns(File::People), &with(File::People, "disability", text)).unwrap();
        let Ok(Record::Person(person)) = row.record else { panic!("{text}") };
        assert_eq!(person.disability.expose(), &expected);
        assert_eq!(person.gender.expose(), &Gender::Woman);
    }
}

#[test]
fn every_violation_of_a_row_is_found_at_once() {
    let row = ["", "2018-02-30", "T-99", "", "", "telepathy", "", "", "", "maybe", ""];
    let checked = check_row(&columns(File::Listenings), &row).unwrap();
    let fields: Vec<String> = checked.record.unwrap_err().into_iter().map(|wrong| wrong.field).collect();
    assert_eq!(fields, ["ref", "date", "mode", "kind", "repeat"]);
    // The organiser is looked up all the same, so that a wrong ref is said in the same breath.
    assert_eq!(checked.key, None);
    assert_eq!(checked.pointers.iter().map(|pointer| pointer.noun()).collect::<Vec<_>>(), ["organiser"]);
}

#[test]
fn no_violation_quotes_the_row() {
    for file in File::ALL {
        for column in file.columns() {
            for (_, reason) in violations(file, &with(file, column, "planted\nvalue")) {
                assert!(!reason.contains("planted"), "{reason}");
            }
        }
    }
}

#[test]
fn keys_name_rows() {
    for (file, key) in [
        (File::People, "P-1"),
        (File::Attendances, "S-1\u{1f}P-1"),
        (File::Participations, "A-1\u{1f}P-1"),
        (File::Trainers, "P-1\u{1f}2018-01-01"),
    ] {
        assert_eq!(check_row(&columns(file), &good(file)).unwrap().key.unwrap().as_str(), key);
    }
    let british = with(File::Trainers, "quality_assured_on", "01/01/2018");
    assert_eq!(check_row(&columns(File::Trainers), &british).unwrap().key.unwrap().as_str(), "P-1\u{1f}2018-01-01");
}

#[test]
fn rows_of_another_width() {
    let file = File::Listenings;
    let row = good(file);
    let missing = "columns missing: mode, ward, themes, kind, repeat, note";
    assert_eq!(violations(file, &row[..5]), [(String::new(), missing.to_owned())]);

    let mut longer = row.clone();
    longer.extend(["", " "]);
    assert_eq!(violations(file, &longer), []);
    longer.push("she said");
    assert_eq!(violations(file, &longer).len(), 1);

    assert_eq!(check_row(&columns(file), &["", "  ", ""]), None);
    assert_eq!(check_row(&columns(file), &[]), None);
}

/// Reads a header of `projects.csv` and expects the columns left out, or the violations' reasons.
fn check_header(header: &[&str], expected: Result<&[&str], &[&str]>) {
    match (Columns::read(File::Projects, header), expected) {
        (Ok((_, unknown)), Ok(expected)) => assert_eq!(unknown, expected, "{header:?}"),
        (Err(found), Err(expected)) => {
            assert_eq!(found.iter().map(|wrong| wrong.reason.as_str()).collect::<Vec<_>>(), expected, "{header:?}");
        }
        (found, _) => panic!("{header:?}: {found:?}"),
    }
}

#[test]
fn headers_are_read_in_any_order() {
    check_header(&["ref", "started_on", "title"], Ok(&[]));
    check_header(&[" Title ", "REF", "started_on"], Ok(&[]));
    check_header(&["ref", "Colour", "started_on", "title", ""], Ok(&["Colour", "number 5 (without a name)"]));
    check_header(&["ref", "started_on", "title", "row"], Ok(&["row"]));
    check_header(&["ref", "started_on", "title", "row", "reason"], Ok(&[]));
    check_header(&["title"], Err(&["the columns ref, started_on are missing"]));
    check_header(&["ref", "title"], Err(&["the column started_on is missing"]));
    check_header(&["ref", "ref", "Ref", "started_on", "title"], Err(&["the column is there twice; leave one"]));
}

#[test]
fn a_first_line_without_columns_says_what_it_is_instead() {
    let names = "the first line names none of the columns ref, started_on, title";
    let semicolons = "its columns are divided by semicolons; save the sheet as CSV with commas";
    for (header, expected) in [
        (&[][..], "the file is empty; its first line has to name the columns ref, started_on, title"),
        (&["", " "], "the file is empty; its first line has to name the columns ref, started_on, title"),
        (&["ref;started_on;title"], semicolons),
        (&[" Ref ;\"Started_on\"; Title"], semicolons),
        (&["ref;started_on;title;a", "b"], semicolons),
        (&["ref", "started_on;title"], semicolons),
        (&["ref\tstarted_on\ttitle"], "its columns are divided by tabs; save the sheet as CSV with commas"),
        (&["r\0e\0f\0", "\0t\0i\0t\0l\0e\0"], "not UTF-8; save the sheet as \"CSV UTF-8\""),
        (&["J-1", "2018-06-30", "Siân's garden; the hall"], names),
    ] {
        check_header(header, Err(&[expected]));
    }
}

#[test]
fn fields_are_found_wherever_their_column_is() {
    let (columns, _) = Columns::read(File::Projects, &["title", "colour", "started_on", "ref"]).unwrap();
    let row = check_row(&columns, &["Repair café", "green", "30/06/2018", " J-1 "]).unwrap();
    let fields: Vec<String> = row.record.unwrap().fields().into_iter().map(|(_, value)| value).collect();
    assert_eq!(fields, ["J-1", "2018-06-30", "Repair café"]);
}

#[test]
fn a_mended_row_is_taken_once_its_reason_is_emptied() {
    let (columns, _) = Columns::read(File::Projects, &["ref", "started_on", "title", "row", "reason"]).unwrap();
    let taken = check_row(&columns, &["J-1", "2018-06-30", "Repair café", "17", " "]).unwrap();
    assert!(taken.record.is_ok());
    let refused = check_row(&columns, &["J-1", "2018-06-30", "Repair café", "17", "no such date"]).unwrap();
    assert_eq!(refused.record.unwrap_err().into_iter().map(|wrong| wrong.field).collect::<Vec<_>>(), ["reason"]);
}

#[test]
fn a_row_that_is_refused_as_a_whole_points_at_nothing() {
    let file = File::Participations;
    let (columns, _) = Columns::read(file, &["action_ref", "person_ref", "row", "reason"]).unwrap();
    for (fields, pointers) in [
        (&["A-1", "P-1", "17", ""][..], 2),
        (&["A-1", "P-1", "17", "no such person"], 0),
        (&["A-1"], 0),
        (&["A-1", "P-1", "17", "", "surplus"], 0),
    ] {
        assert_eq!(check_row(&columns, fields).unwrap().pointers.len(), pointers, "{fields:?}");
    }
}

/// The good row of `listenings.csv`, as a program hands it over.
fn good_listening() -> NewListening {
    let row = good(File::Listenings);
    let [reference, date, organiser, person, campaign, mode, ward, themes, kind, _, note] = row.as_slice() else {
        panic!("eleven columns")
    };
    let owned = |text: &str| text.to_owned();
    NewListening {
        reference: owned(reference),
        date: owned(date),
        organiser: owned(organiser),
        person: owned(person),
        campaign: owned(campaign),
        mode: owned(mode),
        ward: owned(ward),
        themes: themes.split(';').map(owned).collect(),
        kind: owned(kind),
        repeat: false,
        note: owned(note),
    }
}

#[test]
fn a_listening_handed_over_is_the_row_of_its_file() {
    let row = check_row(&columns(File::Listenings), &good(File::Listenings)).unwrap();
    assert_eq!(good_listening().check(|| panic!("it has a ref")), row);
    let unnamed = NewListening { reference: " ".to_owned(), ..good_listening() }.check(|| "made-up".to_owned());
    assert_eq!(unnamed.key.unwrap().as_str(), "made-up");
    assert_eq!(unnamed.record.unwrap().fields()[0].1, "made-up");
}

#[test]
fn every_violation_of_a_listening_handed_over_is_found_at_once() {
    let wrong = NewListening {
        reference: "C\n1".to_owned(),
        themes: vec!["damp; buses".to_owned()],
        ..NewListening::default()
    };
    let checked = wrong.check(String::new);
    let found: Vec<String> = checked.record.unwrap_err().into_iter().map(|wrong| wrong.field).collect();
    assert_eq!(found, ["ref", "date", "organiser_ref", "mode", "kind", "themes"]);
}
