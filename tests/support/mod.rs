//! Helpers that the tests share.

use std::path::Path;

/// Compares `actual` with the golden file `tests/golden/<path>`; with `UPDATE_GOLDEN=1` it is written instead.
pub fn golden(path: &str, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1") {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).expect("the folder of golden files can be made");
        }
        std::fs::write(&file, actual).expect("the golden file can be written");
        return;
    }
    let want = std::fs::read_to_string(&file)
        .unwrap_or_else(|e| panic!("{}: {e}; write it with UPDATE_GOLDEN=1", file.display()));
    assert!(
        want == actual,
        "{} differs; look at it and write it with UPDATE_GOLDEN=1\n--- golden\n{want}\n--- actual\n{actual}",
        file.display()
    );
}
