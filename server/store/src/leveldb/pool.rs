//! Threads that make table files of records: some that build, and one that waits for the disk.
//!
//! ```text
//! load ──records──▶ build (each file by one thread) ──file──▶ sync
//!   ◀──buffers, to be filled again──┘
//! ```
//! Both ways hold only so much: whoever is too fast waits. After an error nothing more is written,
//! but everything is still taken, so that nobody waits for ever; the load is told with its next
//! file, or at its end. When the pool is gone its threads are.
use super::manifest::TableFile;
use super::records;
use super::table::{Form, TableBuilder};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, sync_channel, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Building threads, at most: each has a file's worth of records in memory.
const BUILDERS_MAX: usize = 4;
/// Files' worths that wait for a builder.
const WAITING_JOBS: usize = 1;
/// Files that are written and wait for the disk.
const WAITING_FILES: usize = 8;
/// Bytes that are written at once.
const WRITE_BYTES: usize = 256 << 10;

/// A file to be made.
pub struct Job {
    /// The number in its name.
    pub number: u64,
    /// The byte of the table that the records are of.
    pub prefix: u8,
    /// In order, as [`records`] has them.
    pub records: Vec<u8>,
}

/// The threads of a load.
pub struct Pool {
    /// None at the end.
    jobs: Option<SyncSender<Job>>,
    spares: Receiver<Vec<u8>>,
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// What all threads know.
struct Shared {
    directory: PathBuf,
    form: Form,
    /// Bytes of records a file, but for one of a larger record.
    file_bytes: usize,
    tables: Mutex<Vec<TableFile>>,
    has_failed: AtomicBool,
    /// The first error, until it is told.
    error: Mutex<Option<io::Error>>,
}

impl Pool {
    /// Starts the threads for files of a form in `directory`.
    pub fn new(directory: &Path, form: Form, file_bytes: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            form,
            file_bytes,
            tables: Mutex::default(),
            has_failed: AtomicBool::new(false),
            error: Mutex::default(),
        });
        let (jobs, waiting) = sync_channel(WAITING_JOBS);
        let (spent, spares) = channel();
        let mut this = Self { jobs: Some(jobs), spares, threads: Vec::new(), shared };
        this.start(Arc::new(Mutex::new(waiting)), spent)?;
        Ok(this)
    }

    /// What is given ends with this call, except in the threads: they end when the jobs do.
    fn start(
        &mut self,
        waiting: Arc<Mutex<Receiver<Job>>>,
        spent: Sender<Vec<u8>>,
    ) -> io::Result<()> {
        let (written, files) = sync_channel(WAITING_FILES);
        let shared = Arc::clone(&self.shared);
        self.spawn(move || shared.sync(&files))?;
        // The load waits for them more than they for it.
        let processors = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..processors.clamp(1, BUILDERS_MAX) {
            let shared = Arc::clone(&self.shared);
            let (waiting, written, spent) = (Arc::clone(&waiting), written.clone(), spent.clone());
            self.spawn(move || shared.build_all(&waiting, &written, &spent))?;
        }
        Ok(())
    }

    fn spawn(&mut self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name("leveldb-load".into()).spawn(work)?);
        Ok(())
    }

    /// An empty buffer with room for a file's worth of records.
    pub fn spare(&self) -> Vec<u8> {
        self.spares.try_recv().unwrap_or_else(|_| Vec::with_capacity(self.shared.file_bytes))
    }

    /// Has a file made, when there is a thread for it; or tells what went wrong with another.
    pub fn send(&self, job: Job) -> io::Result<()> {
        self.shared.check()?;
        match self.jobs.as_ref().map(|jobs| jobs.send(job)) {
            Some(Ok(())) => Ok(()),
            _ => Err(self.shared.told()),
        }
    }

    /// Every file, when all are on the disk.
    pub fn finish(mut self) -> io::Result<Vec<TableFile>> {
        let ended = self.end();
        self.shared.check()?;
        ended?;
        let mut tables = std::mem::take(&mut *lock(&self.shared.tables));
        tables.sort_by_key(|table| table.number);
        Ok(tables)
    }

    fn end(&mut self) -> io::Result<()> {
        self.jobs = None;
        let mut all_well = true;
        for thread in self.threads.drain(..) {
            all_well &= thread.join().is_ok();
        }
        if all_well {
            Ok(())
        } else {
            Err(self.shared.told())
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.has_failed.store(true, Ordering::Relaxed);
        // Given up: nobody asks how it went.
        self.end().unwrap_or_default();
    }
}

impl Shared {
    fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    fn check(&self) -> io::Result<()> {
        if self.has_failed() {
            Err(self.told())
        } else {
            Ok(())
        }
    }

    /// The first error, or that there was one.
    fn told(&self) -> io::Error {
        let first = lock(&self.error).take();
        first.unwrap_or_else(|| io::Error::other("a file of the bulk load could not be written"))
    }

    fn fail(&self, error: io::Error) {
        lock(&self.error).get_or_insert(error);
        self.has_failed.store(true, Ordering::Relaxed);
    }

    /// A builder's work.
    fn build_all(
        &self,
        jobs: &Mutex<Receiver<Job>>,
        written: &SyncSender<File>,
        spent: &Sender<Vec<u8>>,
    ) {
        let mut builder = TableBuilder::new(self.form);
        let next = || lock(jobs).recv();
        while let Ok(mut job) = next() {
            if !self.has_failed() {
                match self.build(&job, &mut builder) {
                    Ok(file) => written.send(file).unwrap_or_default(),
                    Err(error) => self.fail(error),
                }
            }
            job.records.clear();
            job.records.shrink_to(self.file_bytes);
            // At the end nobody wants it.
            spent.send(job.records).unwrap_or_default();
        }
    }

    fn build(&self, job: &Job, builder: &mut TableBuilder) -> io::Result<File> {
        let path = self.directory.join(format!("{:06}.ldb", job.number));
        let mut out = BufWriter::with_capacity(WRITE_BYTES, File::create_new(path)?);
        for (key, value) in records::each(&job.records) {
            builder.add((job.prefix, key), value, &mut out)?;
        }
        let written = builder.finish(&mut out)?;
        lock(&self.tables).push(TableFile { number: job.number, written });
        out.into_inner().map_err(io::IntoInnerError::into_error)
    }

    /// The work of the thread that waits for the disk.
    fn sync(&self, files: &Receiver<File>) {
        for file in files {
            if let Err(error) = file.sync_data() {
                self.fail(error);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
