//! The field list of a job spec: every key, its shape, and whether this version acts on it.

use super::rules;
use super::shape::{Block, Key, Need, Shape, Word};

/// The one version of the format.
pub(super) const API_VERSION: &str = "dp.dev/v1alpha1";

/// Limit of a whole number that needs no other one.
const MANY: u64 = 1 << 40;

/// Copies on object stores move at most 5 GB in one request, so files stay below that.
const MAX_FILE_BYTES: u64 = 4 << 30;

const TEXT: Shape = Shape::Text(&rules::ANY_TEXT);
const FILLED_TEXT: Shape = Shape::Text(&rules::NOT_EMPTY);

pub(super) static JOB: Block = Block {
    keys: &[
        Key::new("apiVersion", Shape::Choice(&[Word::new(API_VERSION)]), "The version of this format.")
            .need(Need::Required)
            .literal(),
        Key::new(
            "kind",
            Shape::Choice(&[Word::new("DataJob"), Word::later("DataPipeline")]),
            "What the file describes.",
        )
        .need(Need::Required)
        .literal(),
        Key::new("metadata", Shape::Block(&METADATA), "The job's name and labels.")
            .need(Need::Required)
            .literal(),
        Key::new("spec", Shape::Block(&SPEC), "What the job does.").need(Need::Required),
    ],
    not_both: &[],
};

static METADATA: Block = Block {
    keys: &[
        Key::new("name", Shape::Text(&rules::JOB_NAME), "The job's name; its runs are named after it.")
            .need(Need::Required),
        Key::new("labels", Shape::Map(&rules::NOT_EMPTY, &TEXT), "Labels, as in Kubernetes."),
        Key::new("annotations", Shape::Map(&rules::NOT_EMPTY, &TEXT), "Annotations, as in Kubernetes."),
    ],
    not_both: &[],
};

/// What may stand instead of `sql`; refused by name, so that `sql` is not asked for as well.
const INSTEAD_OF_SQL: &[&str] = &["map", "reduce", "command", "job"];

static SPEC: Block = Block {
    keys: &[
        Key::new("input", Shape::Block(&INPUT), "The dataset that is cut into shards: `input` in SQL."),
        Key::new(
            "inputs",
            Shape::Map(&rules::TABLE_NAME, &Shape::Block(&DATASET)),
            "Several datasets that are cut into shards, by their names in SQL.",
        ),
        Key::new(
            "tables",
            Shape::Map(&rules::TABLE_NAME, &Shape::Block(&DATASET)),
            "Small side tables by their names in SQL; every process reads them whole.",
        ),
        Key::new(
            "sql",
            Shape::Text(&rules::SQL),
            "The statement. `{{ name }}` is replaced by the parameter's text as it is, without quotes.",
        )
        .need(Need::Unless(INSTEAD_OF_SQL)),
        Key::later("map", Shape::Block(&STATEMENT), "The statement of each shard."),
        Key::later("reduce", Shape::Block(&REDUCE), "How partial results are merged."),
        Key::later(
            "command",
            Shape::Either(&[FILLED_TEXT, Shape::List(&FILLED_TEXT)]),
            "A program that is run for each shard.",
        ),
        Key::later("job", FILLED_TEXT, "A job written in Rust, by its name."),
        Key::new("output", Shape::Block(&OUTPUT), "Where and how the result is written.")
            .need(Need::OrFlag("--out")),
        Key::new(
            "params",
            Shape::Map(&rules::PARAM_NAME, &Shape::Scalar),
            "Default values of parameters. `{{ name }}` stands for one in any text of the spec; a literal `{{` is `{{{{`.",
        )
        .literal(),
        Key::new("shards", Shape::Block(&SHARDS), "How the input is cut."),
        Key::new("errors", Shape::Block(&ERRORS), "What happens to bad records and failing shards."),
        Key::new("resources", Shape::Block(&RESOURCES), "Limits of a process."),
        Key::new("work", Shape::Block(&WORK), "The place of the runs' folders.").literal(),
        Key::new("kubernetes", Shape::Block(&KUBERNETES), "How the job runs on a cluster; `dp run` takes no notice."),
        Key::new(
            "schedule",
            Shape::Block(&SCHEDULE),
            "When the job runs on a cluster; `dp run` takes no notice.",
        )
        .literal(),
    ],
    not_both: &[("input", "inputs")],
};

static INPUT: Block = Block { keys: &dataset(Need::OrFlag("--in")), not_both: &[("url", "job")] };
static DATASET: Block = Block { keys: &dataset(Need::Unless(&["job"])), not_both: &[("url", "job")] };

const PLACES: &[Shape] = &[Shape::Text(&rules::PLACE), Shape::List(&Shape::Text(&rules::PLACE))];
const FORMATS: &[Word] =
    &[Word::new("parquet"), Word::new("csv"), Word::new("jsonl"), Word::later("text"), Word::later("arrow")];
const TEXT_COMPRESSIONS: &[Word] = &[Word::new("none"), Word::new("gzip"), Word::new("zstd")];
const COLUMNS: &[Shape] =
    &[Shape::Map(&rules::NOT_EMPTY, &Shape::Text(&rules::COLUMN_TYPE)), Shape::List(&Shape::Block(&COLUMN))];

const fn dataset(url: Need) -> [Key; 8] {
    [
        Key::new(
            "url",
            Shape::Either(PLACES),
            "Files, folders or globs, one or a list; relative paths lie in the spec's folder.",
        )
        .need(url),
        Key::later("job", FILLED_TEXT, "The job of the pipeline whose output this is."),
        Key::new("format", Shape::Choice(FORMATS), "The files' format; otherwise their extensions say it."),
        Key::new(
            "compression",
            Shape::Choice(TEXT_COMPRESSIONS),
            "The compression of text files; otherwise their extensions say it.",
        ),
        Key::new(
            "schema",
            Shape::Either(COLUMNS),
            "Columns and their types, as `name: type` or a list; then nothing is inferred.",
        ),
        Key::new(
            "hive",
            Shape::AutoOrOff,
            "Whether folders named `key=value` become columns. Default: auto.",
        ),
        Key::new("csv", Shape::Block(&CSV), "How CSV is written; says that the format is csv."),
        Key::new("allowEmpty", Shape::Bool, "Whether no file at all is an empty table. Default: false."),
    ]
}

static COLUMN: Block = Block {
    keys: &[
        Key::new("name", FILLED_TEXT, "The column's name.").need(Need::Required),
        Key::new("type", Shape::Text(&rules::COLUMN_TYPE), "The column's type.").need(Need::Required),
    ],
    not_both: &[],
};

static CSV: Block = Block {
    keys: &[
        Key::new("delimiter", Shape::Text(&rules::DELIMITER), "Between fields. Default: a comma."),
        Key::new(
            "quote",
            Shape::Text(&rules::CSV_CHARACTER),
            "Around fields; \"\": quotes have no meaning. Default: a double quote.",
        ),
        Key::new(
            "escape",
            Shape::Text(&rules::CSV_CHARACTER),
            "Before a quote inside quotes; \"\": the quote is doubled. Default: \"\".",
        ),
        Key::new("header", Shape::Bool, "Whether files begin with the columns' names. Default: true."),
        Key::new(
            "nullStrings",
            Shape::List(&TEXT),
            "Unquoted texts that mean NULL, besides the empty field.",
        ),
        Key::new(
            "comment",
            Shape::Text(&rules::CSV_CHARACTER),
            "Lines that begin with it are no records; \"\": none. Default: \"\".",
        ),
    ],
    not_both: &[],
};

static OUTPUT: Block = Block {
    keys: &[
        Key::new("url", Shape::Text(&rules::PLACE), "The folder; a relative path lies in the spec's folder.")
            .need(Need::OrFlag("--out")),
        Key::new(
            "format",
            Shape::Choice(&[Word::new("parquet"), Word::new("csv"), Word::new("jsonl"), Word::new("arrow")]),
            "The files' format. Default: parquet.",
        ),
        Key::new(
            "compression",
            Shape::Choice(&[
                Word::new("none"),
                Word::new("zstd"),
                Word::new("snappy"),
                Word::new("lz4"),
                Word::new("gzip"),
            ]),
            "The files' compression. Default: zstd for parquet and arrow, none for csv and jsonl.",
        ),
        Key::later(
            "partitionBy",
            Shape::Either(&[FILLED_TEXT, Shape::List(&FILLED_TEXT)]),
            "Columns whose values become folders.",
        ),
        Key::new(
            "targetFileSize",
            Shape::Size(MAX_FILE_BYTES),
            "A file is closed when it has reached this size. Default: 512MiB.",
        ),
        Key::new("rowGroupRows", Shape::Int(1, 1 << 30), "Rows of a Parquet row group. Default: 262144."),
        Key::new(
            "ifExists",
            Shape::Choice(&[Word::new("fail"), Word::new("replace")]),
            "What to do when the folder holds the result of another plan. Default: fail.",
        ),
    ],
    not_both: &[],
};

static SHARDS: Block = Block {
    keys: &[
        Key::new(
            "targetBytes",
            Shape::Size(MANY),
            "Bytes of input that a shard should read. Default: 64MiB.",
        ),
        Key::new(
            "count",
            Shape::Int(1, 1_000_000),
            "Exactly this many shards, if the input can be cut so fine.",
        ),
    ],
    not_both: &[("targetBytes", "count")],
};

static ERRORS: Block = Block {
    keys: &[
        Key::new("attempts", Shape::Int(1, 100), "Tries of a shard. Default: 3."),
        Key::new(
            "badRecords",
            Shape::Choice(&[Word::new("fail"), Word::new("skip"), Word::later("quarantine")]),
            "What happens to a record that cannot be read. Default: fail.",
        ),
        Key::new(
            "maxBadRecords",
            Shape::IntOrShare(0, MANY),
            "The run fails when more records than this were skipped.",
        ),
        Key::later("maxFailedShards", Shape::IntOrShare(0, MANY), "Failed shards that the run puts up with."),
    ],
    not_both: &[],
};

static RESOURCES: Block = Block {
    keys: &[
        Key::new("cpu", Shape::Cpu, "Cores, such as `2` or `500m`; rounded up to threads."),
        Key::new("memory", Shape::Size(1 << 50), "Memory, such as `4Gi`."),
        Key::new(
            "scratch",
            Shape::Size(1 << 50),
            "Local disk that a pod may fill by spilling. Default: what the node gives.",
        ),
        Key::new(
            "maxMemory",
            Shape::Size(1 << 50),
            "On a cluster: what memory is raised to, at most, where it ran out. Default: four times the memory.",
        ),
        Key::new(
            "deadline",
            Shape::Duration,
            "On a cluster: time after which a stage is stopped, such as `6h`.",
        ),
    ],
    not_both: &[],
};

static WORK: Block = Block {
    keys: &[Key::new(
        "url",
        Shape::Text(&rules::PLACE_WITHOUT_PARAMS),
        "The folder of the runs' folders. Default: `_dp` in the output's folder.",
    )
    .need(Need::OrFlag("--work"))],
    not_both: &[],
};

static STATEMENT: Block =
    Block { keys: &[Key::new("sql", Shape::Text(&rules::SQL), "The statement.")], not_both: &[] };

static REDUCE: Block = Block {
    keys: &[
        Key::new("sql", Shape::Text(&rules::SQL), "The statement over the partial results."),
        Key::new("partitions", Shape::Int(1, 100_000), "Tasks of the last level."),
        Key::new("fanIn", Shape::Int(2, 100_000), "Partial results that a task merges."),
    ],
    not_both: &[],
};

static KUBERNETES: Block = Block {
    keys: &[
        Key::new("image", FILLED_TEXT, "The image with dp; `--image` stands for it."),
        Key::new(
            "imagePullPolicy",
            Shape::Choice(&[Word::new("Always"), Word::new("IfNotPresent"), Word::new("Never")]),
            "When the image is pulled.",
        ),
        Key::new(
            "indexes",
            Shape::Int(1, 100_000),
            "Completion indexes of the map Job. Default: by the plan's bytes.",
        ),
        Key::new("parallelism", Shape::Int(1, 100_000), "Pods at once. Default: the indexes, at most 100."),
        Key::new(
            "mode",
            Shape::Choice(&[Word::new("indexed"), Word::later("queue"), Word::new("single")]),
            "`indexed`: an Indexed Job, then a reduce Job. `single`: one pod does all of it. Default: indexed.",
        ),
        Key::new("serviceAccount", FILLED_TEXT, "The service account of pods that read and write data."),
        Key::new("queue", FILLED_TEXT, "The local queue of Kueue that admits the Jobs."),
        Key::new("priorityClass", FILLED_TEXT, "The pods' priority class."),
        Key::new(
            "labels",
            Shape::Map(&rules::NOT_EMPTY, &TEXT),
            "Labels of all objects and pods, beside dp's own.",
        ),
        Key::new("annotations", Shape::Map(&rules::NOT_EMPTY, &TEXT), "Annotations of all objects and pods."),
        Key::new("env", Shape::List(&Shape::Any), "Environment, as in a pod."),
        Key::new("envFrom", Shape::List(&Shape::Any), "Environment from elsewhere, as in a pod."),
        Key::new(
            "podPatch",
            Shape::Any,
            "Merged over the pods' `spec` (JSON merge patch; containers, volumes and mounts by name).",
        ),
    ],
    not_both: &[],
};

static SCHEDULE: Block = Block {
    keys: &[
        Key::new(
            "cron",
            Shape::Text(&rules::CRON),
            "When a run is due, as in a CronJob: minute, hour, day, month, day of the week.",
        )
        .need(Need::Required),
        Key::new("timeZone", Shape::Text(&rules::TIME_ZONE), "The time zone of `cron`. Default: Etc/UTC."),
        Key::new(
            "start",
            Shape::Text(&rules::INSTANT),
            "No interval begins before it. Default: the one that has just ended.",
        ),
        Key::new(
            "catchUp",
            Shape::Choice(&[Word::new("all"), Word::new("latest"), Word::new("none")]),
            "Which missed intervals are run. Default: all.",
        ),
        Key::new(
            "overlap",
            Shape::Choice(&[Word::new("forbid"), Word::new("replace"), Word::new("allow")]),
            "What happens when the last run is still going. Default: forbid.",
        ),
        Key::new(
            "startingDeadline",
            Shape::Duration,
            "How late a firing may be, such as `1h`. Default: any time.",
        ),
        Key::new("suspend", Shape::Bool, "Whether nothing is started. Default: false."),
        Key::new("history", Shape::Int(0, 1000), "Ended runs that are kept in the cluster. Default: 3."),
    ],
    not_both: &[],
};
