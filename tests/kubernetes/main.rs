//! The real binary on a real Kubernetes and a real S3 server: `make cluster`.
//!
//! The environment names a cluster (`KUBECONFIG`), an image with dp that it has (`DP_TEST_IMAGE`) and a bucket that
//! pods and this machine reach (`DP_TEST_BUCKET_URL`, `AWS_…`). Without it these tests fail: they are not part
//! of a plain `cargo test`.

#[path = "../s3/bucket.rs"]
mod bucket;
mod modes;
mod namespace;
