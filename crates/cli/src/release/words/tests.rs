use super::*;

fn cell(
    dimension: &str,
    category: &str,
    true_value: u64,
    figure: Figure,
    rule: i32,
    reason: &str,
) -> wire::PreviewCell {
    wire::PreviewCell {
        title: "People trained".into(),
        dimension: dimension.into(),
        category_title: category.into(),
        true_value,
        published: Some(wire::PublishedFigure { figure: Some(figure) }),
        rule,
        reason: reason.into(),
        unit: "people".into(),
        ..wire::PreviewCell::default()
    }
}

fn first() -> wire::PreviewReleaseResponse {
    wire::PreviewReleaseResponse {
        period: "2018/19".into(),
        period_title: "Financial year 2018/19".into(),
        cells: vec![
            cell("", "", 1_042, Figure::Exact(1_042), 1, "enough people"),
            cell("gender", "Women", 538, Figure::Rounded(540), 2, "rounded to 5"),
            cell("gender", "Men", 3, Figure::Below(8), 2, "too few people"),
            cell("gender", "Unknown", 0, Figure::Below(8), 2, "too few people"),
            cell("disability", "Yes", 0, Figure::Withheld(true), 3, "everybody is in one part"),
            cell("disability", "No", 1_042, Figure::Withheld(true), 3, "everybody is in one part"),
        ],
        payload: b"payload".to_vec(),
        standing: Standing::First.into(),
        policy_version: 1,
        terms: Some(wire::DisclosureTerms {
            threshold: 8,
            special_threshold: 10,
            largest_percent: 50,
            two_largest_percent: 90,
        }),
        ..wire::PreviewReleaseResponse::default()
    }
}

fn hold() -> wire::ReleaseHold {
    wire::ReleaseHold {
        period: "2018/19".into(),
        period_title: "Financial year 2018/19".into(),
        hold_time: "2026-11-15T00:00:00Z".parse().ok(),
        held_by: "uid 1000".into(),
    }
}

#[test]
fn a_preview_shows_what_leaves_and_by_which_rule() {
    let text = preview(&first(), " --data 'my hub'", false);
    let expected = "Financial year 2018/19\n\n\
         \x20               True figure  What leaves               Why\n\
         ---------------------------------------------------------------------------------------\n\
         People trained        1,042  1,042                     rule 1: enough people\n\
         \x20 Gender\n\
         \x20   Women               538  about 540 (rounded to 5)  rule 2: rounded to 5\n\
         \x20   Men                   3  fewer than 8              rule 2: too few people\n\
         \x20 Disability                withheld                  rule 3: everybody is in one part\n\
         3 lines left out: breakdowns withheld whole, and hidden parts with nobody in them. --all shows them.\n\n";
    let squeeze =
        |text: &str| text.replace("--all", "all").replace('-', "").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(squeeze(&text).starts_with(&squeeze(expected)), "{text}");
    assert!(text.contains("\n    Women "), "a category stands indented\n{text}");
    for said in [
        "Nothing has left. To approve it: folkmoot hub release --data 'my hub' --period 2018/19 --approve\n",
        "7 bytes, BLAKE3 ",
        "Under policy 1: fewer than 8 people are hidden, of ethnicity and disability fewer than 10; so are sums of which one \
         person makes up more than 50 %, or two more than 90 %.\n",
    ] {
        assert!(text.contains(said), "{text}");
    }
    assert!(preview(&first(), "", true).contains("    Unknown "));
}

#[test]
fn a_hidden_ward_is_not_listed() {
    let ward =
        wire::PreviewCell { left_out: true, ..cell("ward", "E05008942", 3, Figure::Below(8), 2, "too few people") };
    let text = preview(&wire::PreviewReleaseResponse { cells: vec![ward], ..first() }, "", false);
    assert!(text.contains("not listed") && !text.contains("fewer than 8  "), "{text}");
}

#[test]
fn what_waits_is_said() {
    for (change, said) in [
        (
            wire::PreviewReleaseResponse {
                standing: Standing::Revision.into(),
                revision: 1,
                standing_release: "releases/2018-19.0".into(),
                changes: vec!["People trained: was 9, is now 20".into()],
                ..first()
            },
            "The release 2018-19.0 of this period stands. A revision would change:\n  People trained: was 9, is now 20\n\
             It would be revision 1, the only one of this financial year. To approve it: folkmoot hub release --data H \
             --period 2018/19 --approve\n",
        ),
        (
            wire::PreviewReleaseResponse {
                standing: Standing::Stands.into(),
                standing_release: "releases/2018-19.0".into(),
                late_people_waiting: 7,
                ..first()
            },
            "The release 2018-19.0 of this period stands: there is nothing to revise now.\n\
             Late records of 7 people wait: too few for a revision.\n",
        ),
        (
            wire::PreviewReleaseResponse {
                standing: Standing::Stands.into(),
                standing_release: "releases/2018-19.1".into(),
                revisable_day: "2020-04-01".into(),
                ..first()
            },
            "The release 2018-19.1 of this period stands: this financial year has had its revision. What has changed since \
             can revise it from 2020-04-01 on.\n",
        ),
        (
            wire::PreviewReleaseResponse { late_people_waiting: 1, ..first() },
            "Late records of 1 person wait: too few for a revision.\n",
        ),
        (
            wire::PreviewReleaseResponse { campaigns_awaiting_report_back: 1, ..first() },
            "1 listening campaign heard in it has not been reported back.\n",
        ),
        (
            wire::PreviewReleaseResponse { campaigns_awaiting_report_back: 2, waits_for_report_back: true, ..first() },
            "2 listening campaigns heard in it have not been reported back, and this hub approves nothing of the period \
             before that.\n",
        ),
        (
            wire::PreviewReleaseResponse { automatic_day: "2019-04-30".into(), ..first() },
            "This hub's policy approves it by itself from 2019-04-30 on;",
        ),
        (
            wire::PreviewReleaseResponse { hold: Some(hold()), ..first() },
            "Financial year 2018/19 is held back since 2026-11-15 00:00 UTC by uid 1000. To resume it: folkmoot hub \
             release --data H --period 2018/19 --resume\n",
        ),
    ] {
        let text = preview(&change, " --data H", false);
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn the_list_says_who_and_what_is_held() {
    assert_eq!(list(&[], &[]), "Nothing was ever released here.\n");
    let release = wire::Release {
        name: "releases/2018-19.0".into(),
        period_title: "Financial year 2018/19".into(),
        state: State::Held.into(),
        approved_by: "policy".into(),
        payload: b"payload".to_vec(),
        hold: Some(hold()),
        ..wire::Release::default()
    };
    let text = list(std::slice::from_ref(&release), &[hold()]);
    for said in ["Approved, held back", "policy", "Held back", "uid 1000", "2026-11-15 00:00 UTC"] {
        assert!(text.contains(said), "{text}");
    }
    let shown = super::release(&release, false);
    for said in ["Approved by", "policy", "Held back by", "uid 1000"] {
        assert!(shown.contains(said), "{shown}");
    }
}
