//! National statistics: printed, written as files, drawn, and put together for a funder.

mod coverage;
mod files;
mod gather;
mod pages;
mod words;

use folkmoot_node::generated::academy::statistics_service_client::StatisticsServiceClient;
use folkmoot_proto::academy::v1 as wire;
use folkmoot_publication::{Chart, Format as Published, Subject, publish};
use tonic::transport::Channel;

use crate::arguments::{
    By, Chart as ChartArguments, ChartKind, Format, FunderReport, Observations, OutputFormat, Periods, Statistics,
};
use crate::connection;
use crate::failure::Failure;
use crate::output::{print, tell};
use crate::report;

use gather::{Scope, gather};

type Client = StatisticsServiceClient<Channel>;

/// What the node calls the fields, and what a person typed.
const TYPED: [(&str, &str); 8] = [
    ("period", "--period"),
    ("first_period", "--from"),
    ("last_period", "--to"),
    ("add_up_periods", "--add-up"),
    ("indicators", "--indicator"),
    ("dimension", "--dimension"),
    ("region", "--region"),
    ("hub", "--hub"),
];

pub(crate) async fn run(command: Statistics, output: OutputFormat) -> Result<(), Failure> {
    let format = output.printed().unwrap_or(Format::Json);
    match command {
        Statistics::Report(arguments) => report::run(arguments, format).await,
        Statistics::Observations(arguments) => {
            observations(arguments, output).await.map_err(|failure| failure.calling(&TYPED))
        }
        Statistics::Coverage(arguments) => {
            coverage::run(arguments, format).await.map_err(|failure| failure.calling(&TYPED))
        }
        Statistics::Chart(arguments) => chart(arguments).await.map_err(|failure| failure.calling(&TYPED)),
        Statistics::FunderReport(arguments) => funder_report(arguments).await,
    }
}

async fn observations(arguments: Observations, output: OutputFormat) -> Result<(), Failure> {
    let published = match output {
        OutputFormat::Table => None,
        OutputFormat::Json => Some(Published::Json),
        OutputFormat::Csv => Some(Published::TidyCsv),
        OutputFormat::Parquet => Some(Published::Parquet),
        OutputFormat::SdmxCsv => Some(Published::SdmxCsv),
    };
    if arguments.output.is_none() && !matches!(output, OutputFormat::Table | OutputFormat::Json) {
        let words = "--output PATH says where to write the figures and, beside them, what they come from";
        return Err(Failure::Told(words.to_owned()));
    }
    let channel = connection::academy(&arguments.folder.data).await?;
    let request = request(&arguments);
    let Some(published) = published else {
        let found = pages::observations(&StatisticsServiceClient::new(channel), request).await?;
        let text = words::observations(&found);
        return match arguments.output {
            Some(path) => files::write(&path, text.as_bytes()),
            None => print(&text),
        };
    };
    let title = format!("National statistics, {}", words::periods(&arguments.periods));
    let scope = Scope { title, requests: vec![request], periods: vec![arguments.periods] };
    let statistics = gather(channel, scope).await?;
    let made = publish(published, &statistics).map_err(files::failed)?;
    match (arguments.output, published) {
        (Some(folder), Published::TidyCsv | Published::SdmxCsv) => files::write_all(&folder, &made),
        (Some(path), _) => files::write_first(&path, &made),
        (None, _) => files::print_first(&made),
    }
}

fn request(arguments: &Observations) -> wire::ListObservationsRequest {
    let Observations { periods, indicators, dimension, by, region, hub, add_up, .. } = arguments;
    wire::ListObservationsRequest {
        add_up_periods: *add_up,
        indicators: indicators.clone(),
        dimension: dimension.clone().unwrap_or_default(),
        by: match by {
            By::Nation => wire::By::Nation,
            By::Region => wire::By::Region,
            By::Hub => wire::By::Hub,
        }
        .into(),
        region: region.clone().unwrap_or_default(),
        hub: hub.clone().unwrap_or_default(),
        ..of_periods(periods)
    }
}

/// A request for the headlines of periods over all hubs.
fn of_periods(periods: &Periods) -> wire::ListObservationsRequest {
    let Periods { period, from, to } = periods;
    wire::ListObservationsRequest {
        period: period.clone().unwrap_or_default(),
        first_period: from.clone().unwrap_or_default(),
        last_period: to.clone().unwrap_or_default(),
        ..wire::ListObservationsRequest::default()
    }
}

fn by(by: wire::By, request: &wire::ListObservationsRequest) -> wire::ListObservationsRequest {
    wire::ListObservationsRequest { by: by.into(), ..request.clone() }
}

async fn chart(arguments: ChartArguments) -> Result<(), Failure> {
    let ChartArguments { folder, periods, indicator, kind, dimension, output } = arguments;
    let channel = connection::academy(&folder.data).await?;
    let periods = match (kind, &periods.period) {
        (ChartKind::Trend, Some(period)) => pages::quarters(channel.clone(), period).await?,
        (ChartKind::Trend, None) => periods,
        (ChartKind::ByRegion | ChartKind::ByHub | ChartKind::ByBreakdown, Some(_)) => periods,
        (ChartKind::ByRegion | ChartKind::ByHub | ChartKind::ByBreakdown, None) => {
            return Err(Failure::Told("--period: name the one period that the chart is of".to_owned()));
        }
    };
    let request = wire::ListObservationsRequest { indicators: vec![indicator.clone()], ..of_periods(&periods) };
    let period = periods.period.clone().unwrap_or_default();
    let dimension = dimension.unwrap_or_default();
    let (request, subject) = match kind {
        ChartKind::Trend => (request, Subject::Trend { indicator, area: folkmoot_publication::Area::Nation }),
        ChartKind::ByRegion => (by(wire::By::Region, &request), Subject::Regions { indicator, period }),
        ChartKind::ByHub => (by(wire::By::Hub, &request), Subject::Hubs { indicator, period }),
        ChartKind::ByBreakdown => (
            wire::ListObservationsRequest { dimension: dimension.clone(), ..request },
            Subject::Categories { indicator, dimension, period },
        ),
    };
    let title = format!("National statistics, {}", words::periods(&periods));
    let statistics = gather(channel, Scope { title, requests: vec![request], periods: vec![periods] }).await?;
    let chart = Chart::of(&statistics, &subject).ok_or_else(|| {
        let words = "no chart: it takes two figures that are published, each with five hubs or more behind it where it \
                     is not one hub's own, and at most 60 of them; `folkmoot academy statistics` prints them as a table";
        Failure::Told(words.to_owned())
    })?;
    let bytes = match output.extension().is_some_and(|ending| ending == "png") {
        true => chart.png().map_err(files::failed)?,
        false => chart.svg().into_bytes(),
    };
    files::write(&output, &bytes)?;
    tell(&format!("{}: {}", output.display(), chart.title()));
    Ok(())
}

async fn funder_report(arguments: FunderReport) -> Result<(), Failure> {
    let FunderReport { period, output } = arguments;
    let channel = connection::academy(&period.folder.data).await?;
    let whole = Periods { period: Some(period.period.clone()), from: None, to: None };
    let quarters = pages::quarters(channel.clone(), &period.period).await?;
    let of_whole = of_periods(&whole);
    let everything = wire::ListObservationsRequest { dimension: "all".to_owned(), ..of_whole.clone() };
    let mut requests = vec![everything, by(wire::By::Region, &of_whole), by(wire::By::Hub, &of_whole)];
    let mut periods = vec![whole];
    // Where hubs released the period as a whole alone, there is nothing to say of its quarters.
    let client = StatisticsServiceClient::new(channel.clone());
    if quarters != periods[0] && !pages::releases(&client, &quarters).await?.is_empty() {
        requests.push(of_periods(&quarters));
        periods.push(quarters);
    }
    let title = format!("Community organising: {}", words::periods(&periods[0]));
    let statistics = gather(channel, Scope { title, requests, periods }).await?;
    let made = publish(Published::Html, &statistics).map_err(files::failed)?;
    files::write_first(&output, &made)?;
    tell(&format!("{}: open it in a browser, and print it from there.", output.display()));
    Ok(())
}
