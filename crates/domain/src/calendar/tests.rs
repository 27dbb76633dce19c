use super::*;

fn day(text: &str) -> Date {
    parse_date(text).unwrap_or_else(|| panic!("{text} is a date"))
}

#[test]
fn dates_are_read_in_two_forms_exactly() {
    for (text, expected) in [
        ("2018-06-30", Some("2018-06-30")),
        ("30/06/2018", Some("2018-06-30")),
        ("29/02/2020", Some("2020-02-29")),
        ("2019-02-29", None),
        ("2018-02-30", None),
        ("06/30/2018", None),
        ("30/6/2018", None),
        ("30/06/18", None),
        ("2018/06/30", None),
        ("30-06-2018", None),
        ("2018-6-300", None),
        ("2018-06-30T00:00", None),
        ("0018-06-30", None),
        ("9999-12-31", None),
        ("+018-06-30", None),
        ("２０18-06", None),
        ("", None),
    ] {
        assert_eq!(parse_date(text).map(iso).as_deref(), expected, "{text}");
    }
}

#[test]
fn periods_have_codes_titles_and_days() {
    let mut programmes = Programmes::default();
    let coep = Programme::new(
        "COEP".parse().unwrap(),
        "Community Organisers Expansion Programme",
        day("2017-04-01"),
        day("2020-03-31"),
    );
    programmes.insert(coep.unwrap()).unwrap();
    for (code, title, first, last) in [
        ("2018-Q3", "Jul–Sep 2018 (Q2 of 2018/19)", "2018-07-01", "2018-09-30"),
        ("2018-Q1", "Jan–Mar 2018 (Q4 of 2017/18)", "2018-01-01", "2018-03-31"),
        ("2018-Q4", "Oct–Dec 2018 (Q3 of 2018/19)", "2018-10-01", "2018-12-31"),
        ("2018-Q2", "Apr–Jun 2018 (Q1 of 2018/19)", "2018-04-01", "2018-06-30"),
        ("2018/19", "Financial year 2018/19", "2018-04-01", "2019-03-31"),
        ("1999/00", "Financial year 1999/00", "1999-04-01", "2000-03-31"),
        ("programme/COEP", "Programme COEP", "2017-04-01", "2020-03-31"),
    ] {
        let period: Period = code.parse().unwrap();
        assert_eq!(period.to_string(), code);
        assert_eq!(period.title(), title);
        assert_eq!(period.span(&programmes), Some(Span { first: day(first), last: day(last) }), "{code}");
    }
    assert_eq!("programme/OTHER".parse::<Period>().unwrap().span(&programmes), None);
}

#[test]
fn other_texts_are_no_period() {
    for text in [
        "",
        "2018",
        "2018-Q0",
        "2018-Q5",
        "2018-q3",
        "2018/20",
        "2018/2019",
        "programme/",
        "programme/A B",
        "18/19",
        "2018-Q3 ",
        "２018-Q3",
    ] {
        assert_eq!(text.parse::<Period>(), Err(DomainError::Period), "{text}");
    }
}

#[test]
fn every_day_lies_in_its_quarter_and_year() {
    let mut date = day("1999-01-01");
    while date < day("2002-01-01") {
        let (quarter, year) = (Quarter::of(date), FinancialYear::of(date));
        assert!(quarter.span().contains(date));
        assert!((year.first_day()..=year.last_day()).contains(&date));
        assert_eq!(quarter.financial_year(), year);
        assert_eq!(Quarter::from_index(quarter.index()), Some(quarter));
        date = date.next_day().unwrap();
    }
}

#[test]
fn the_edges_of_time_do_not_break() {
    for year in [1000, 9000] {
        let quarter = Quarter::new(year, 4).unwrap();
        assert!(quarter.next().last_day() > quarter.first_day());
        assert!(FinancialYear::new(year).unwrap().last_day().year() == year + 1);
    }
    assert_eq!(Quarter::of(Date::MAX).last_day().year(), 9999);
    assert_eq!(Quarter::from_index(i32::MAX), None);
}

#[test]
fn a_programme_is_whole_quarters() {
    let check = |first, last, expected: Result<usize, DomainError>| {
        let made = Programme::new("X".parse().unwrap(), "X", day(first), day(last));
        assert_eq!(made.map(|programme| programme.span.quarters().count()), expected);
    };
    check("2017-04-01", "2020-03-31", Ok(12));
    check("2017-04-01", "2017-06-30", Ok(1));
    check("2017-04-02", "2020-03-31", Err(DomainError::ProgrammeStart));
    check("2017-04-01", "2020-03-30", Err(DomainError::ProgrammeEnd));
    check("2018-04-01", "2018-03-31", Err(DomainError::ProgrammeOrder));
}

#[test]
fn a_programme_never_changes() {
    let programme = |last| Programme::new("X".parse().unwrap(), "X", day("2017-04-01"), day(last)).unwrap();
    let mut programmes = Programmes::default();
    assert_eq!(programmes.insert(programme("2018-03-31")), Ok(true));
    assert_eq!(programmes.insert(programme("2018-03-31")), Ok(false));
    assert_eq!(programmes.insert(programme("2019-03-31")), Err(DomainError::ProgrammeChanged));
    assert_eq!(programmes.iter().map(|held| held.span.last).collect::<Vec<_>>(), [day("2018-03-31")]);
}

#[test]
fn programme_codes_are_letters_digits_and_hyphens() {
    for (text, good) in
        [("COEP", true), ("coep-2", true), ("", false), ("A B", false), ("A/B", false), (&"x".repeat(33), false)]
    {
        assert_eq!(text.parse::<ProgrammeCode>().is_ok(), good, "{text}");
    }
}
