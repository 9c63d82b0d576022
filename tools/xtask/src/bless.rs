//! Runs tests so that they rewrite what they expect: `EXACT` blocks of text tests, and snapshots.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The package with the text tests.
const TEXT_TESTS: &str = "expc-tests";
/// Understood by its harness.
const BLESS: (&str, &str) = ("EXPC_BLESS", "1");
/// Understood by insta.
const UPDATE_SNAPSHOTS: (&str, &str) = ("INSTA_UPDATE", "always");

/// Blesses the tests whose name holds the filter, or all.
pub fn run(root: &Path, filter: Option<&str>) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).envs([BLESS, UPDATE_SNAPSHOTS]);
    cargo.args(["test", "--no-fail-fast"]);
    for package in packages(root)? {
        cargo.args(["--package", &package]);
    }
    cargo.arg("--").args(filter);
    let status = cargo.status().context("cargo cannot be started")?;
    ensure!(
        status.success(),
        "some tests fail for another reason; read `git diff` before you keep the rest"
    );
    println!("read `git diff` line by line before you keep it");
    Ok(())
}

/// The packages whose tests can be blessed: those that use insta, and the text tests.
fn packages(root: &Path) -> Result<Vec<String>> {
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let mut packages = Vec::new();
    for folder in members(root, &manifest) {
        let path = folder.join("Cargo.toml");
        let manifest = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let name = name(&manifest).with_context(|| format!("{}: no name", path.display()))?;
        if name == TEXT_TESTS || manifest.lines().any(|line| line.starts_with("insta")) {
            packages.push(name.to_owned());
        }
    }
    Ok(packages)
}

/// The folders of the workspace's members, which stand one a line.
fn members(root: &Path, manifest: &str) -> Vec<PathBuf> {
    let lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "members = [")
        .skip(1);
    let members = lines.take_while(|line| *line != "]");
    members
        .map(|line| root.join(line.trim_matches(['"', ','])))
        .collect()
}

fn name(manifest: &str) -> Option<&str> {
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("name = "))?;
    Some(line.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_packages_with_something_to_bless() {
        let packages = packages(crate::root()).unwrap();
        assert!(
            packages.iter().any(|name| name == TEXT_TESTS),
            "{packages:?}"
        );
        assert!(packages.iter().any(|name| name == "expc"), "{packages:?}");
        assert!(!packages.iter().any(|name| name == "xtask"), "{packages:?}");
    }
}
