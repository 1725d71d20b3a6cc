//! One function per command: emits events, prints nothing, reads no environment.

mod execute;
mod gc;
mod places;
mod plan;
mod prepare;
mod replay;
mod report;
mod request;
mod run;
mod scratch;
mod show;
mod side;
mod sql;
mod status;

pub use gc::gc;
pub use plan::plan;
pub use report::{
    CutPart, GcReport, Outcome, PlanReport, Published, RunReport, RunSummary, State, StatusReport,
};
pub use request::{
    Env, FindRequest, Given, ListRequest, Machine, PlanRequest, RunRequest, SpecText, SqlRequest,
};
pub use run::run;
pub use sql::sql;
pub use status::{list, status};

/// The JSON Schema of a job spec, as JSON text.
///
/// # Errors
/// None that a user can cause.
pub fn schema() -> crate::Result<String> {
    serde_json::to_string_pretty(&crate::spec::json_schema())
        .map_err(|e| crate::Error::internal("the schema has no JSON form").because(e))
}
