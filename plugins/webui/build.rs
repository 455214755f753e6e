//! Embeds the static files: each as it is and gzipped, under one hash over all of them, so that whoever holds a page
//! gets the files that belong to it, and may keep them for ever.

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

/// The page itself, which is not an asset: it names the hash.
const INDEX: &str = "index.html";

/// Where the modules begin.
const MAIN: &str = "main.js";
/// What the page needs besides modules.
const FIRST: [&str; 3] = ["style.css", "theme.js", "icon.svg"];

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells build scripts their folders in the environment"
)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=static");
    println!("cargo:rerun-if-changed=build.rs");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("static");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files = Vec::new();
    collect(&root, &root, &mut files)?;
    // The order of a folder is the file system's; the hash must not depend on it.
    files.sort();

    let first = needed_first(&root)?;
    let mut hash = Sha256::new();
    let mut table = String::new();
    let mut preload = String::new();
    for (index, name) in files.iter().enumerate() {
        let path = root.join(name);
        println!("cargo:rerun-if-changed={}", path.display());
        let content = fs::read(&path)?;
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(&content);
        if name == INDEX {
            continue;
        }
        let kind = content_type(name).ok_or_else(|| format!("{name}: no content type is known for this ending"))?;
        let is_first = first.contains(name) || FIRST.contains(&name.as_str());
        let packed = out.join(format!("{index}.gz"));
        fs::write(&packed, gzip(&content)?)?;
        let (plain, packed) = (path.display().to_string(), packed.display().to_string());
        writeln!(
            table,
            "    Asset {{ name: {name:?}, first: {is_first}, content_type: {kind:?}, plain: include_bytes!({plain:?}), gzip: include_bytes!({packed:?}) }},"
        )?;
        // Without these the browser would learn of one layer of modules after the other.
        if first.contains(name) {
            write!(preload, "<link rel=\"modulepreload\" href=\"{{{{assets}}}}/{name}\">")?;
        }
    }
    let hash: String = hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let index = fs::read_to_string(root.join(INDEX))?.replace("{{preload}}", &preload);
    let code = format!(
        "/// One hash over all files.\npub(crate) const HASH: &str = {hash:?};\n\
         /// The page, in which `{{{{assets}}}}` stands for the way to the files.\npub(crate) const INDEX: &str = {index:?};\n\
         /// The files, by name.\npub(crate) static ASSETS: &[Asset] = &[\n{table}];\n"
    );
    fs::write(out.join("assets.rs"), code)?;
    Ok(())
}

/// The names of all files below `folder`, relative to `root`, with `/`.
fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            println!("cargo:rerun-if-changed={}", path.display());
            collect(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root)?.to_str().ok_or("a file's name is not UTF-8")?;
            files.push(name.replace('\\', "/"));
        }
    }
    Ok(())
}

/// The modules that are imported from [`MAIN`] on, without those that are fetched when they are gone to.
fn needed_first(root: &Path) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let mut found = BTreeSet::new();
    let mut open = vec![MAIN.to_owned()];
    while let Some(name) = open.pop() {
        if found.contains(&name) {
            continue;
        }
        let text = fs::read_to_string(root.join(&name)).map_err(|error| format!("{name}: {error}"))?;
        for quote in ['\'', '"'] {
            for (_, rest) in text
                .match_indices("from")
                .map(|(at, from)| text.split_at(at + from.len()))
            {
                let Some(path) = rest
                    .trim_start()
                    .strip_prefix(quote)
                    .and_then(|rest| rest.split(quote).next())
                else {
                    continue;
                };
                if path.starts_with('.') {
                    open.push(resolve(&name, path));
                }
            }
        }
        found.insert(name);
    }
    Ok(found)
}

/// `../lib/dom.js` as seen from `pages/tasks.js`: `lib/dom.js`.
fn resolve(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The same bytes for the same content: no name and no time in the header.
fn gzip(content: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

fn content_type(name: &str) -> Option<&'static str> {
    Some(match Path::new(name).extension()?.to_str()? {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}
