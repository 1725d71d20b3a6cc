//! The real data that the repository ships, as datasets; `jobs/DATA.md` describes it.

use std::path::Path;

use serde_json::json;

use crate::Outcome;
use crate::data::Dataset;

/// The weather's columns as a spec states them: nothing is inferred.
const WEATHER: [(&str, &str); 15] = [
    ("origin", "string"),
    ("year", "int32"),
    ("month", "int32"),
    ("day", "int32"),
    ("hour", "int32"),
    ("temp", "float64"),
    ("dewp", "float64"),
    ("humid", "float64"),
    ("wind_dir", "int32"),
    ("wind_speed", "float64"),
    ("wind_gust", "float64"),
    ("precip", "float64"),
    ("pressure", "float64"),
    ("visib", "float64"),
    ("time_hour", "timestamptz"),
];

/// The dataset `repo_<name>`.
pub fn dataset(name: &str) -> Outcome<Dataset> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/data").display().to_string();
    let plain = |path: &str, function: &str, options: &str| {
        let url = format!("{root}/{path}");
        Dataset { duckdb: format!("{function}('{url}'{options})"), spec: json!({ "url": url }) }
    };
    let lines = ", format = 'newline_delimited'";
    Ok(match name {
        "repo_flights" => Dataset {
            duckdb: format!("read_parquet('{root}/flights/**/*.parquet', hive_partitioning = true)"),
            spec: json!({ "url": format!("{root}/flights/") }),
        },
        "repo_us" => plain("us-flights/*.parquet", "read_parquet", ""),
        "repo_airlines" => plain("airlines.csv", "read_csv", ""),
        "repo_airports" => plain("airports.jsonl", "read_json", lines),
        "repo_planes" => plain("planes.jsonl.zst", "read_json", lines),
        "repo_verses" => plain("text/verses/*.jsonl.gz", "read_json", lines),
        "repo_psalms" => plain("text/psalms.csv", "read_csv", ""),
        "repo_weather" => plain("weather/*.csv", "read_csv", ""),
        "repo_weather_stated" => {
            let mut weather = plain("weather/*.csv", "read_csv", "");
            let schema: serde_json::Map<_, _> =
                WEATHER.iter().map(|(name, kind)| ((*name).to_owned(), json!(kind))).collect();
            weather.spec["schema"] = json!(schema);
            weather
        }
        other => return Err(format!("no dataset is called {other}").into()),
    })
}
