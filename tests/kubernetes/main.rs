//! The real binary on a real Kubernetes and a real S3 server: `make cluster`.
//!
//! The environment names a cluster (`KUBECONFIG`), an image with dp that it has (`DP_TEST_IMAGE`) and a bucket that
//! pods and this machine reach (`DP_TEST_BUCKET_URL`, `AWS_…`). Without it these tests fail: they are not part
//! of a plain `cargo test`.

#[path = "../s3/bucket.rs"]
#[expect(dead_code, reason = "tests of the S3 server use the rest")]
mod bucket;
mod failures;
mod modes;
mod namespace;
mod render;
mod schedule;
