//! Schedules on the real controller of cron jobs.

use chrono::{DateTime, SecondsFormat, TimeDelta, Timelike, Utc};
use serde_json::Value;

use crate::bucket::{code, local_copy, text};
use crate::namespace::{Job, Namespace};

/// One row that says which interval it is for.
const SPAN: &str = "SELECT '{{ interval.start }}' AS a, '{{ interval.end }}' AS b, count(*) AS n FROM input";

/// The intervals that are finished, as their records say.
fn finished(namespace: &Namespace, work: &str) -> Vec<(DateTime<Utc>, DateTime<Utc>, Option<String>)> {
    let folder = namespace.bucket.folder(work).sub("schedules/ticks/finished");
    let mut found = Vec::new();
    for entry in folder.list("").expect("it can be listed") {
        let bytes = folder.get(&entry.name).expect("it can be read").expect("it is there");
        let json: Value = serde_json::from_slice(&bytes).expect("JSON");
        let at = |key: &str| json[key].as_str().expect("a text").parse().expect("an instant");
        found.push((at("start"), at("end"), json["run"].as_str().map(str::to_owned)));
    }
    found
}

/// An instant as parameters hold it.
fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[test]
fn each_minute_is_run_once() {
    for (mode, more) in [("indexed", ", indexes: 1"), ("single", ", mode: single")] {
        let namespace = Namespace::new(&format!("ticks-{mode}"));
        local_copy(&namespace.bucket, "jobs/data/flights/month=1", "in");
        let (input, work) = (namespace.bucket.url("in"), namespace.bucket.url("work"));
        let out = format!("{}{{{{ interval.start }}}}/", namespace.bucket.url("out"));
        // Begins in the past: the first firing catches up.
        let start = Utc::now().with_second(0).and_then(|t| t.with_nanosecond(0)).expect("a minute")
            - TimeDelta::minutes(3);
        let keys = format!(
            "work: {{ url: \"{work}\" }}\nschedule: {{ cron: \"* * * * *\", start: \"{}\" }}",
            start.to_rfc3339()
        );
        let job =
            Job { name: "ticks", sql: SPAN, format: "csv", input: &input, more: &keys, kubernetes: more };
        let spec = namespace.spec(&job, &out);
        namespace.submit(&spec, &[]);
        let cron = namespace.kubectl_json(&["get", "cronjob", "ticks"]);
        assert_eq!(cron["spec"]["schedule"], "* * * * *");
        assert_eq!(cron["spec"]["timeZone"], "Etc/UTC");
        namespace.until("the first firing", || finished(&namespace, &work).len() >= 3);
        // A second look at the same time does no harm.
        let triggered = namespace.dp(&["trigger", "ticks"]);
        assert_eq!(code(&triggered), 0, "{}", text(&triggered.stderr));
        // Suspended, then looked at again.
        namespace.submit(&spec.replace("cron: ", "suspend: true, cron: "), &[]);
        assert_eq!(namespace.kubectl_json(&["get", "cronjob", "ticks"])["spec"]["suspend"], true);
        namespace.until("no pod is at work", || {
            let jobs = namespace.kubectl_json(&["get", "jobs"]);
            jobs["items"].as_array().expect("a list").iter().all(|j| j["status"]["active"].is_null())
        });
        let all = finished(&namespace, &work);
        let mut at = start;
        for (begin, end, run) in &all {
            assert_eq!((*begin, *end), (at, at + TimeDelta::minutes(1)));
            assert!(run.is_some());
            let place = format!("{}{}/", namespace.bucket.url("out"), shown(*begin));
            let files = namespace.bucket.result(&place);
            let bytes = namespace
                .bucket
                .folder(&place)
                .get(&files[0].0)
                .expect("it can be read")
                .expect("it is there");
            assert!(text(&bytes).contains(&format!("{},{}", shown(*begin), shown(*end))), "{}", text(&bytes));
            at = *end;
        }
        // A stretch before the schedule's start, two at once.
        let from = (start - TimeDelta::minutes(5)).to_rfc3339();
        let filled = namespace.dp(&[
            "backfill",
            "ticks",
            "--from",
            &from,
            "--to",
            &start.to_rfc3339(),
            "--parallel",
            "2",
        ]);
        assert_eq!(code(&filled), 0, "{}", text(&filled.stderr));
        namespace.until("the stretch is filled", || finished(&namespace, &work).len() == all.len() + 5);
    }
}
