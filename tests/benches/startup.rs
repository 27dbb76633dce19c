//! How long a hub takes to be ready, and what it holds in memory once it rests.

use std::time::Duration;

use tokio::runtime::Runtime;

use crate::measure::{Figure, Goal, Line, Unit};
use crate::nodes::{Federation, Served, rest};
use crate::sheets::Sheets;

pub(crate) fn measure(runtime: &Runtime, runs: usize) -> Vec<Line> {
    let federation = Federation::found();
    let served = Served::node("hub", &federation.hub());
    runtime.block_on(async {
        let channel = folkmoot_node::connect(&federation.hub()).await.expect("a node");
        Sheets::of_one_hub().import(channel).await
    });
    served.stop();
    let academy = Served::node("academy", &federation.academy());
    let (mut until_ready, mut idle) = (Figure::new(Unit::Milliseconds), Figure::new(Unit::Mebibytes));
    for run in 0..=runs {
        let served = Served::node("hub", &federation.hub());
        rest(Duration::from_secs(1));
        if run > 0 {
            until_ready.add_time(served.ready_after);
            idle.add(served.memory().0);
        }
        served.stop();
    }
    academy.stop();
    vec![
        Line {
            what: "start of a hub until its ready line".to_owned(),
            product: until_ready,
            bare: None,
            peer: None,
            goal: Goal::None,
        },
        Line {
            what: "memory of a hub at rest".to_owned(),
            product: idle,
            bare: None,
            peer: None,
            goal: Goal::AtMost(32.0),
        },
    ]
}
