//! Writing to the disk begun early, so that the sync at the end finds little left.
use std::os::fd::RawFd;

/// Asks the system to start writing what is dirty among `len` bytes of an open file (0: up to its
/// end), without waiting for it. That it cannot is no trouble.
pub fn start(fd: RawFd, offset: u64, len: u64) {
    #[cfg(target_os = "linux")]
    if let (Ok(offset), Ok(len)) = (offset.try_into(), len.try_into()) {
        // SAFETY: no memory is touched, and a descriptor that is not open is refused.
        unsafe { libc::sync_file_range(fd, offset, len, libc::SYNC_FILE_RANGE_WRITE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (fd, offset, len);
}
