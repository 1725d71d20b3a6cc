//! Globs over paths below a folder.

use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Error, Result};
use crate::spec::Location;

const WILD: [char; 4] = ['*', '?', '[', '{'];

/// A glob, cut into the folder in which it begins and the pattern below it.
pub(super) struct Glob {
    /// The path up to the last `/` before the first wildcard, with that `/`.
    pub base: String,
    whole: GlobMatcher,
    /// Matchers of the path's components from `base` on, up to the first `**`; what lies deeper is
    /// only known to `whole`.
    folders: Vec<GlobMatcher>,
    /// No folder deeper than the pattern can match.
    exact_depth: bool,
    /// Components of the pattern that name hidden files themselves.
    shown: Vec<GlobMatcher>,
}

impl Glob {
    pub(super) fn new(url: &Location) -> Result<Self> {
        let path = url.path();
        let wild = path.find(WILD).unwrap_or(path.len());
        let cut = path.get(..wild).and_then(|p| p.rfind('/')).map_or(0, |i| i + 1);
        let (base, pattern) = path.split_at_checked(cut).unwrap_or(("", path));
        let compiled = |glob: &str| {
            let built = GlobBuilder::new(glob).literal_separator(true).build();
            built.map(|g| g.compile_matcher()).map_err(|e| {
                Error::usage(format!("the pattern cannot be read: {}", e.kind())).with("url", url)
            })
        };
        let whole = compiled(pattern)?;
        let across = pattern.split('{').skip(1).any(|p| p.split('}').next().is_some_and(|b| b.contains('/')));
        let parts: Vec<&str> = if across { Vec::new() } else { pattern.split('/').collect() };
        let known = parts.iter().take_while(|p| **p != "**" && !p.contains("**"));
        let folders = known.map(|p| compiled(p)).collect::<Result<Vec<_>>>()?;
        let hidden = pattern.split(['/', '{', ',']).filter(|p| p.starts_with(['_', '.']));
        let shown = hidden.map(|p| compiled(p.trim_end_matches('}'))).collect::<Result<_>>()?;
        let exact_depth = !across && folders.len() == parts.len();
        Ok(Self { base: base.to_owned(), whole, folders, exact_depth, shown })
    }

    /// Whether a file may be taken; `relative` is its path below [`Glob::base`].
    pub(super) fn takes(&self, relative: &str) -> bool {
        self.whole.is_match(relative)
    }

    /// Whether something below the folder `name`, at `depth` components below the base, can match.
    pub(super) fn enters(&self, name: &str, depth: usize) -> bool {
        match self.folders.get(depth) {
            Some(folder) if self.exact_depth => depth + 1 < self.folders.len() && folder.is_match(name),
            Some(folder) => folder.is_match(name),
            None => !self.exact_depth,
        }
    }

    /// Whether the pattern itself names the hidden `name`.
    pub(super) fn shows(&self, name: &str) -> bool {
        self.shown.iter().any(|g| g.is_match(name))
    }
}

/// Whether a name below a dataset's folder is hidden.
pub(super) fn hidden(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn glob(text: &str) -> Glob {
        Glob::new(&Location::parse(text, Path::new("/")).expect("a location")).expect("a glob")
    }

    #[test]
    fn bases_and_matches() {
        let cases = [
            ("/d/*.csv", "/d/", "a.csv", true),
            ("/d/*.csv", "/d/", "x/a.csv", false),
            ("/d/**/*.csv", "/d/", "a.csv", true),
            ("/d/**/*.csv", "/d/", "x/y/a.csv", true),
            ("/d/a{1,2}/x?.csv", "/d/", "a2/xy.csv", true),
            ("/d/[ab].csv", "/d/", "b.csv", true),
            ("s3://b/d/*.csv", "d/", "a.csv", true),
            ("s3://b/*", "", "a.csv", true),
        ];
        for (text, base, relative, expected) in cases {
            let glob = glob(text);
            assert_eq!((glob.base.as_str(), glob.takes(relative)), (base, expected), "{text} {relative}");
        }
        assert!(Glob::new(&Location::parse("/d/[a", Path::new("/")).expect("a location")).is_err());
    }

    #[test]
    fn only_folders_that_can_match_are_entered() {
        let year = glob("/d/year=*/*.csv");
        assert!(year.enters("year=2013", 0) && !year.enters("other", 0) && !year.enters("deep", 1));
        let any = glob("/d/a*/**/x.csv");
        assert!(any.enters("ab", 0) && !any.enters("b", 0) && any.enters("whatever", 5));
        let braces = glob("/d/{a/b,c}/x.csv");
        assert!(braces.enters("a", 0) && braces.enters("b", 1));
        assert!(glob("/d/*/_x*/*.csv").shows("_xy") && !glob("/d/*/x.csv").shows("_xy"));
    }

    #[test]
    fn hidden_names() {
        assert!(hidden("_SUCCESS") && hidden(".crc") && !hidden("_k=1") && !hidden("a_b") && hidden(".k=1"));
    }
}
