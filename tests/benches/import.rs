//! Import of one hub's sheets, against prepared inserts of the rows that come of it.

use std::time::Instant;

use tokio::runtime::Runtime;

use crate::bare_table::{self, Rows};
use crate::measure::{Goal, Line, Unit, in_turn, millis};
use crate::nodes::{Federation, Served};
use crate::sheets::Sheets;

pub(crate) fn measure(runtime: &Runtime, runs: usize) -> Vec<Line> {
    let federation = Federation::found();
    let sheets = Sheets::of_one_hub();
    let imported = {
        let (_place, folder) = federation.fresh_hub();
        let served = Served::node("hub", &folder);
        runtime.block_on(async { sheets.import(folkmoot_node::connect(&folder).await.expect("a node")).await });
        served.stop();
        Rows::read(&folder.join("node.db"))
    };
    let product = || {
        let (_place, folder) = federation.fresh_hub();
        let _served = Served::node("hub", &folder);
        runtime.block_on(async {
            let channel = folkmoot_node::connect(&folder).await.expect("a node");
            let began = Instant::now();
            let written = sheets.import(channel).await;
            let took = began.elapsed();
            assert_eq!(written, imported.count());
            millis(took)
        })
    };
    let bare = || {
        let (_place, folder) = federation.fresh_hub();
        let mut connection = bare_table::open(&folder.join("node.db"));
        let began = Instant::now();
        imported.insert(&mut connection);
        millis(began.elapsed())
    };
    let (product, bare) = in_turn(runs, Unit::Milliseconds, product, bare);
    let what = format!("import of one hub's sheets, {} rows", imported.count());
    vec![Line { what, product, bare: Some(bare), peer: None, goal: Goal::Times(3.0) }]
}
