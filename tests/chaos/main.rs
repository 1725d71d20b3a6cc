//! Parts of a real cluster fail under a running job: `make cluster`, or `tests/on_cluster --test chaos`. Only on the
//! project's own cluster, whose parts can be killed; alone, since that disturbs whoever else is there.

#[path = "../s3/bucket.rs"]
#[expect(dead_code, reason = "tests of the S3 server use the rest")]
mod bucket;
#[path = "../kubernetes/namespace.rs"]
#[expect(dead_code, reason = "other tests of the cluster use the rest")]
mod namespace;
mod parts;
mod processes;
mod stall;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One at a time. `None`: this is a cluster of somebody's own.
#[expect(clippy::print_stderr, reason = "who runs the tests must hear what was not run")]
fn alone() -> Option<MutexGuard<'static, ()>> {
    static ONE: Mutex<()> = Mutex::new(());
    if std::env::var_os("DP_TEST_AUDIT_LOG").is_none() {
        eprintln!("NOT RUN: the parts of this cluster are not this project's to kill");
        return None;
    }
    Some(ONE.lock().unwrap_or_else(PoisonError::into_inner))
}
