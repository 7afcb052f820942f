//! The documentation: the pages of the book in `docs`, each also compressed, in `target/book`.
//! The server's build script embeds the compressed ones; the folder as it is can be put on any
//! server of files.

use std::{fs, path::PathBuf, thread};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use xtask_book::{Page, blocks};

use crate::{
    site::{compress, remove, short_hash, style},
    step::step,
    workspace,
};

/// Brings `target/book` up to date; leaves it alone if nothing has changed.
pub fn build() -> Result<()> {
    step("documentation", || {
        let files = files()?;
        let fingerprint = fingerprint(&files);
        let stamp = workspace::target().join("book.stamp");
        if folder().is_dir() && fs::read(&stamp).is_ok_and(|old| old == fingerprint) {
            return Ok(());
        }
        replace_folder(&files)?;
        Ok(fs::write(stamp, fingerprint)?)
    })
}

/// Prints where the pages are, and the blocks of code that no test runs, with the reasons.
pub fn tell() -> Result<()> {
    let mut not_run = 0;
    for page in blocks::tested_pages(workspace::root())? {
        for block in blocks::blocks(workspace::root(), &page)? {
            if let blocks::Check::NotRun(reason) = block.check {
                println!("{}:{}: {} is not run: {reason}", page.display(), block.line, block.language);
                not_run += 1;
            }
        }
    }
    println!("{not_run} blocks are not run. The pages: {}", folder().join("index.html").display());
    Ok(())
}

fn folder() -> PathBuf {
    workspace::target().join("book")
}

/// The style sheet, and the pages that use it.
fn files() -> Result<Vec<Page>> {
    let css = style::bundle(&workspace::root().join("style/book.css"))?;
    let name = format!("book.{:016x}.css", short_hash(css.as_bytes()));
    let mut files = xtask_book::pages(&workspace::root().join("docs"), &name)?;
    files.push(Page { path: name, html: css });
    Ok(files)
}

/// A hash of all that is written, and of the code that compresses it.
fn fingerprint(files: &[Page]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(Sha256::digest(include_str!("site/compress.rs")));
    for Page { path, html } in files {
        hash.update(Sha256::digest(path));
        hash.update(Sha256::digest(html));
    }
    hash.finalize().to_vec()
}

/// Writes the files, and puts them in the place of the old ones.
fn replace_folder(files: &[Page]) -> Result<()> {
    let draft = workspace::target().join("book.new");
    remove(&draft)?;
    let mut bytes = 0;
    for (Page { path, html }, compressed) in files.iter().zip(compressed(files)?) {
        let file = draft.join(path);
        fs::create_dir_all(file.parent().context("a folder")?)?;
        fs::write(&file, html)?;
        fs::write(draft.join(format!("{path}.br")), &compressed)?;
        bytes += compressed.len();
    }
    eprintln!("   {} files: {bytes} bytes, brotli", files.len());
    remove(&folder())?;
    fs::rename(&draft, folder()).context("target/book cannot be put in place")
}

/// The files, compressed, on all processors: it takes longer than all the rest.
fn compressed(files: &[Page]) -> Result<Vec<Vec<u8>>> {
    let share = files.len().div_ceil(thread::available_parallelism().map_or(1, usize::from)).max(1);
    thread::scope(|scope| {
        let compress =
            |files: &[Page]| files.iter().map(|file| compress::brotli(file.html.as_bytes(), compress::QUICK)).collect();
        let threads: Vec<_> = files.chunks(share).map(|files| scope.spawn(move || compress(files))).collect();
        let mut all = Vec::with_capacity(files.len());
        for thread in threads {
            let Ok(part) = thread.join() else { bail!("a thread has ended before its work") };
            let part: Result<Vec<_>> = part;
            all.extend(part?);
        }
        Ok(all)
    })
}
