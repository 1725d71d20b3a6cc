//! The binary `dp`: see `src/cli`.

use std::process::ExitCode;

/// Many threads allocate and free batches at once: the system's allocator would serialise them and
/// keep what they free.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    dp::cli::main()
}
