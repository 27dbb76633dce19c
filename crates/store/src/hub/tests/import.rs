//! What is taken and what is refused, in which words.

use folkmoot_domain::record::Reference;

use super::*;

/// Takes the last file of a folder and compares what is refused: row, field and reason.
fn check(folder: Folder, expected: &[(u64, &str, &str)]) {
    let outcomes = import(&hub(), folder);
    let refused = outcomes.last().map(|outcome| outcome.refused.clone()).unwrap_or_default();
    let refused: Vec<_> = refused.iter().map(|(row, v)| (*row, v.field.as_str(), v.reason.as_str())).collect();
    assert_eq!(refused, expected);
}

const AISHA: (File, &str) = (File::People, "P-1,Aisha,,,,,,,,");

#[test]
fn a_folder_makes_a_record_of_each_row_and_the_same_again_changes_nothing() {
    let hub = hub();
    let created: Vec<_> = import(&hub, SMALL).iter().map(counts).collect();
    assert_eq!(created.iter().map(|[created, ..]| created).sum::<u64>(), 15);
    assert!(created.iter().all(|[_, updated, unchanged, refused]| updated + unchanged + refused == 0));
    let before = hub.store.snapshot().unwrap();
    let again: Vec<_> = import(&hub, SMALL).iter().map(counts).collect();
    assert_eq!(again.iter().map(|[_, _, unchanged, _]| unchanged).sum::<u64>(), 15);
    assert!(again.iter().all(|[created, updated, _, refused]| created + updated + refused == 0));
    assert!(hub.store.snapshot().unwrap() == before, "not a byte differs");
}

#[test]
fn a_row_whose_fields_differ_updates_the_record() {
    let hub = hub();
    import(&hub, SMALL);
    let changed: Folder = &[
        (File::People, "P-1,Aisha Okafor,a@example.org,01,BA12,1999,woman,asian,no,yes"),
        (File::Trainers, "P-2,2017-05-01,2021-05-01"),
        (File::Sessions, "S-1,2018-07-03,listening,First steps,classroom,90,P-2"),
        (File::Attendances, "S-1,P-2,completed"),
        (File::ListeningCampaigns, "L-1,Doors,place,2018-04-01,2018-08-01,2018-09-01"),
        (File::Listenings, "C-1,2018-04-05,P-2,,L-1,door,E05000001,damp;buses,concern,no,said so"),
        (File::Actions, "A-1,2018-05-01,Litter pick,event,P-2"),
        (File::Projects, "J-1,2018-06-02,Garden"),
        (File::Funding, "F-1,2018-06-01,Council,12.51"),
    ];
    for outcome in import(&hub, changed) {
        assert_eq!(counts(&outcome), [0, 1, 0, 0]);
    }
    for outcome in import(&hub, changed) {
        assert_eq!(counts(&outcome), [0, 0, 1, 0]);
    }
}

#[test]
fn the_same_written_otherwise_is_unchanged() {
    let hub = hub();
    import(&hub, SMALL);
    let otherwise: Folder = &[
        (File::People, " p-0,x,,,,,,,,\n P-1 ,Aisha,a@example.org,01,BA12,1999,WOMAN,Asian,N,Y"),
        (File::Sessions, "S-1,03/04/2018,listening,First steps,Classroom,90,P-2"),
        (File::Listenings, "C-1,05/04/2018,P-2,P-1,L-1,DOOR,E05000001,damp ; buses,concern,No,said so"),
        (File::Funding, "F-1,01/06/2018,Council,£12.5"),
    ];
    let counts: Vec<_> = import(&hub, otherwise).iter().map(counts).collect();
    assert_eq!(counts, [[1, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0]]);
}

#[test]
fn pointers_must_resolve() {
    check(
        &[AISHA, (File::Listenings, "C-1,2018-04-05,P-9,P-8,L-7,door,,,concern,no,")],
        &[
            (1, "organiser_ref", "no such organiser in people.csv, nor in an earlier import"),
            (1, "person_ref", "no such person in people.csv, nor in an earlier import"),
            (1, "campaign_ref", "no such listening campaign in listening_campaigns.csv, nor in an earlier import"),
        ],
    );
    check(
        &[AISHA, (File::Attendances, "S-1,P-1,completed")],
        &[(1, "session_ref", "no such session in sessions.csv, nor in an earlier import")],
    );
    check(
        &[AISHA, (File::Participations, "A-1,P-1")],
        &[(1, "action_ref", "no such action in actions.csv, nor in an earlier import")],
    );
    check(
        &[(File::Trainers, "P-1,2018-01-01,2021-01-01")],
        &[(1, "person_ref", "no such person in people.csv, nor in an earlier import")],
    );
}

#[test]
fn all_that_is_wrong_with_a_row_is_said_at_once() {
    check(
        &[AISHA, (File::Sessions, "S-1,2018-04-03,c,t,classroom,90,P-1\nS-1,2018-02-30,c,t,tent,90,P-9")],
        &[
            (2, "date", "no such date; write it as 2018-06-30 or 30/06/2018"),
            (2, "mode", "no such mode; one of classroom, online, self-directed"),
            (2, "trainer_ref", "no such trainer in people.csv, nor in an earlier import"),
            (2, "ref", "the same ref twice in one file: the first stands, row 1"),
        ],
    );
}

#[test]
fn of_two_rows_with_one_key_the_first_stands() {
    let funding = "F-1,2018-06-01,Council,1.00\nF-1,2018-06-01,Council,2.00\nF-1,2018-06-01,Council,1.00";
    let twice = "the same ref twice in one file: the first stands, row 1";
    check(&[(File::Funding, funding)], &[(2, "ref", twice), (3, "ref", twice)]);
    // The first stands even where it is refused itself.
    check(
        &[(File::Projects, "J-1,2018-02-30,Garden\nJ-1,2018-02-28,Garden")],
        &[(1, "started_on", "no such date; write it as 2018-06-30 or 30/06/2018"), (2, "ref", twice)],
    );
    check(
        &[AISHA, (File::Actions, "A-1,2018-05-01,t,event,"), (File::Participations, "A-1,P-1\nA-1,P-1")],
        &[(2, "", "the same action_ref and person_ref twice in one file: the first stands, row 1")],
    );
    check(
        &[AISHA, (File::Trainers, "P-1,2018-05-01,2021-05-01\nP-1,01/05/2018,2022-05-01\nP-1,2018-05-02,2021-05-01")],
        &[(2, "", "the same person_ref and quality_assured_on twice in one file: the first stands, row 1")],
    );
}

#[test]
fn of_two_rows_with_one_key_in_two_batches_the_first_stands() {
    let (hub, mut run) = (hub(), ImportRun::new(OPERATOR));
    take(&hub, &mut run, File::Projects, "J-1,2018-06-01,Garden");
    let second = take(&hub, &mut run, File::Projects, "J-1,2018-06-02,Garden");
    assert_eq!(counts(&second), [0, 0, 0, 1]);
}

#[test]
fn a_row_that_points_at_a_refused_row_is_refused_and_says_so() {
    check(
        &[
            (File::People, "P-1,Aisha,,,,,,,,\nP-2,Dai,,,,99,,,,"),
            (File::Actions, "A-1,2018-05-01,t,event,P-2\nA-2,2018-05-01,t,event,P-1"),
            (File::Participations, "A-2,P-2\nA-1,P-1\nA-2,P-1"),
        ],
        &[
            (1, "person_ref", "points at row 2 of people.csv, which was refused"),
            (2, "action_ref", "points at row 1 of actions.csv, which was refused"),
        ],
    );
}

#[test]
fn a_row_that_points_at_a_record_whose_update_was_refused_is_taken() {
    let hub = hub();
    import(&hub, &[AISHA]);
    let again: Folder = &[(File::People, "P-1,Aisha,,,,99,,,,"), (File::Trainers, "P-1,2018-01-01,2021-01-01")];
    let counts: Vec<_> = import(&hub, again).iter().map(counts).collect();
    assert_eq!(counts, [[0, 0, 0, 1], [1, 0, 0, 0]]);
}

#[test]
fn a_row_that_points_into_a_refused_file_says_so() {
    let (hub, mut run) = (hub(), ImportRun::new(OPERATOR));
    run.refuse_file(File::People);
    let outcome = take(&hub, &mut run, File::Trainers, "P-1,2018-01-01,2021-01-01");
    let reason = &outcome.refused[0].1.reason;
    assert_eq!(reason, "points into people.csv, which was refused as a whole");
    // What an earlier import brought is there all the same.
    import(&hub, &[AISHA]);
    assert_eq!(counts(&take(&hub, &mut run, File::Trainers, "P-1,2018-01-02,2021-01-01")), [1, 0, 0, 0]);
}

#[test]
fn a_row_of_the_wrong_shape_says_only_that() {
    check(
        &[AISHA, (File::Listenings, "C-1,2018-04-05,P-9,P-8")],
        &[(1, "", "columns missing: campaign_ref, mode, ward, themes, kind, repeat, note")],
    );
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let folder: Folder = &[
        (File::People, "P-1,Aisha,,,,,,,,\nP-3,Rosa,,,,1x,,,,\nP-4,Sue,,,,,,,,"),
        (File::Sessions, "S-1,2018-07-03,listening,First steps,classroom,90,P-4\nS-2,2018-07-03,c,t,online,5,P-3"),
        (File::Attendances, "S-1,P-1,completed\nS-1,P-4,completed\nS-2,P-4,left\nS-1,P-9,left\nS-1,P-4,left"),
        (File::Actions, "A-9,2018-05-01,t,event,P-4"),
        (File::Participations, "A-9,P-4\nA-1,P-2\nA-1,P-4"),
    ];
    let hub = hub();
    import(&hub, SMALL);
    let before = hub.store.snapshot().unwrap();
    let mut run = ImportRun::new(OPERATOR);
    let dry: Vec<_> = folder
        .iter()
        .map(|(file, lines)| {
            let rows = checked(*file, lines.lines().map(|line| line.split(',').collect()));
            hub.import_batch(&mut run, *file, rows, true).unwrap()
        })
        .collect();
    assert!(hub.store.snapshot().unwrap() == before, "not a byte differs");
    assert_eq!(dry, import(&hub, folder));
    assert_eq!(
        dry.iter().map(counts).collect::<Vec<_>>(),
        [[1, 1, 0, 1], [0, 1, 0, 1], [1, 0, 1, 3], [1, 0, 0, 0], [2, 0, 1, 0],]
    );
}

#[test]
fn no_reason_quotes_a_value() {
    let planted = "planted";
    let rows: Vec<Vec<&str>> = vec![vec![planted; 11], vec![planted; 11], vec![planted; 4], vec![planted; 12]];
    for file in File::ALL {
        let outcome =
            hub().import_batch(&mut ImportRun::new(OPERATOR), file, checked(file, rows.clone()), false).unwrap();
        assert!(!format!("{outcome:?}").contains(planted), "{file:?}");
    }
}

#[test]
fn an_import_that_broke_off_is_begun_anew() {
    let lines: String = (0..1_200).map(|n| format!("C-{n},2018-04-05,P-1,,,door,,,concern,no,\n")).collect();
    let rows = checked(File::Listenings, lines.lines().map(|line| line.split(',').collect()));
    let hub = hub();
    import(&hub, &[AISHA]);
    let mut run = ImportRun::new(OPERATOR);
    hub.import_batch(&mut run, File::Listenings, rows[..500].to_vec(), false).unwrap();
    drop(run);

    let mut run = ImportRun::new(OPERATOR);
    let outcomes: Vec<_> = rows
        .chunks(500)
        .map(|batch| counts(&hub.import_batch(&mut run, File::Listenings, batch.to_vec(), false).unwrap()))
        .collect();
    assert_eq!(outcomes, [[0, 0, 500, 0], [500, 0, 0, 0], [200, 0, 0, 0]]);
    let figures = hub.figures(&"2018-Q2".parse().unwrap()).unwrap();
    let heard = figures.cells().find(|(cell, _)| cell.to_string() == "People listened to").unwrap();
    assert_eq!(heard.1.value, 1_200);
}

#[test]
fn what_no_row_can_point_at_is_forgotten() {
    let (hub, mut run) = (hub(), ImportRun::new(OPERATOR));
    for (file, lines) in SMALL {
        take(&hub, &mut run, *file, lines);
    }
    let kept: Vec<_> = run.met_files();
    assert_eq!(kept, [File::People, File::Sessions, File::ListeningCampaigns, File::Actions, File::Funding]);
}

#[test]
fn refs_differ_by_case_and_by_every_character() {
    let hub = hub();
    let people = "p-1,,,,,,,,,\nP-1,,,,,,,,,\nP-1 x,,,,,,,,,\nÉ,,,,,,,,,\né,,,,,,,,,";
    assert_eq!(counts(&import(&hub, &[(File::People, people)])[0]), [5, 0, 0, 0]);
    assert!(hub.show_person(&Reference::new("É").unwrap()).unwrap().is_some());
    assert!(hub.show_person(&Reference::new("p-2").unwrap()).unwrap().is_none());
}
