//! The files in `deploy` for Prometheus and Grafana, judged by Prometheus' own tool and by what
//! a running server tells.

use std::{
    collections::BTreeSet,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{Scrape, eventful};

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(deploy(path)).expect("a file")
}

/// Runs Prometheus' tool, which must be content. Without it the check is left out, except in CI.
fn promtool(arguments: &[&str], input: &str) {
    let mut tool = Command::new("promtool");
    tool.args(arguments).current_dir(deploy("prometheus"));
    let started = tool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut running) = started else {
        assert!(std::env::var_os("CI").is_none(), "promtool is not there; it is in Debian's package prometheus");
        eprintln!("left out, for want of promtool: promtool {}", arguments.join(" "));
        return;
    };
    running.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("promtool reads");
    let output = running.wait_with_output().expect("promtool ends");
    let told = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "promtool {}: {told}", arguments.join(" "));
}

/// The names of metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| ["signet_", "process_"].iter().any(|start| word.starts_with(start))).collect()
}

/// The queries of a dashboard.
fn queries(part: &Value) -> Vec<String> {
    match part {
        Value::Object(members) => {
            let own = members.get("expr").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(queries)).collect()
        }
        Value::Array(parts) => parts.iter().flat_map(queries).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_alerts_and_their_tests_pass() {
    promtool(&["check", "config", "prometheus.yml"], "");
    promtool(&["check", "rules", "alerts.yml"], "");
    promtool(&["test", "rules", "alerts_test.yml"], "");
}

#[test]
fn each_alert_has_a_test_and_says_what_to_do() {
    let (alerts, tests) = (read("prometheus/alerts.yml"), read("prometheus/alerts_test.yml"));
    let rules: Vec<_> = alerts.split("- alert: ").skip(1).collect();
    assert!(!rules.is_empty(), "no alert was found");
    for rule in rules {
        let name = rule.split_whitespace().next().expect("a name");
        let rings = format!("alertname: {name}\n        exp_alerts:");
        assert!(tests.contains(&rings), "{name} rings in no test");
        assert!(rule.contains("summary: ") && rule.contains("description: "), "{name} does not say what to do");
    }
}

#[test]
fn the_queries_of_the_dashboard_are_queries() {
    let dashboard: Value = serde_json::from_str(&read("grafana/signet.json")).expect("JSON");
    let all = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<_> = all.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), all.len(), "each panel has an id of its own");
    for panel in all.iter().filter(|panel| panel["type"] != "row") {
        assert!(panel["title"].is_string() && !queries(panel).is_empty(), "{panel}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
    }
    let rule = |(number, query): (usize, &String)| {
        let query = query.replace("$__rate_interval", "5m").replace("$job", "signet").replace("$instance", ".+");
        format!("      - record: query{number}\n        expr: {}\n", Value::from(query))
    };
    let rules = queries(&dashboard).iter().enumerate().map(rule).collect::<String>();
    let rules = format!("groups:\n  - name: dashboard\n    rules:\n{rules}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("queries.yml");
    std::fs::write(&file, rules).expect("a file");
    promtool(&["check", "rules", file.to_str().expect("a path")], "");
}

#[tokio::test]
async fn what_is_told_is_clean_and_has_each_metric_that_a_panel_or_an_alert_names() {
    let (_watched, told) = eventful().await;
    promtool(&["check", "metrics"], &told.text);
    for file in ["prometheus/alerts.yml", "prometheus/alerts_test.yml", "grafana/signet.json"] {
        let text = read(file);
        let missing: Vec<_> = names(&text).into_iter().filter(|name| !told.has(name)).collect();
        assert!(missing.is_empty(), "{file} names {missing:?}, which a server does not tell");
    }
    each_is_shown(&told);
}

/// Each metric has its place on the dashboard.
fn each_is_shown(told: &Scrape) {
    let dashboard = read("grafana/signet.json");
    let families = told.text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let hidden: Vec<_> = families.filter(|name| !dashboard.contains(name)).collect();
    let left_out = ["process_virtual_memory_bytes", "process_virtual_memory_max_bytes", "process_threads"];
    assert!(hidden.iter().all(|name| left_out.contains(name)), "the dashboard shows nothing of {hidden:?}");
}
