//! Records on standard output: one buffer, written whole.
//!
//! A list of fields that was chosen has its header line once, at the top; if streams of several
//! lists share the output, a header stands wherever the list changes.

use std::io::Write;

use flowlog::record::{Entry, FlowFacts, WindowBounds};

use super::writer::RecordWriter;
use super::{BUFFER_BYTES, OutputError, WRITE_BYTES};

pub(super) struct Stdout {
    target: std::io::Stdout,
    buffer: Vec<u8>,
    headers: Vec<Vec<u8>>,
    /// The header that holds for the next line.
    current: Option<usize>,
}

impl Stdout {
    pub(super) fn new() -> Self {
        Self { target: std::io::stdout(), buffer: Vec::new(), headers: Vec::new(), current: None }
    }

    /// The number of a header; equal ones have one.
    pub(super) fn header(&mut self, line: &[u8]) -> usize {
        if let Some(known) = self.headers.iter().position(|header| header == line) {
            return known;
        }
        self.headers.push(line.to_owned());
        self.headers.len() - 1
    }

    #[inline]
    pub(super) fn entry(
        &mut self,
        header: usize,
        writer: &mut RecordWriter,
        window: &WindowBounds,
        entry: &Entry<'_>,
    ) -> Result<(), OutputError> {
        if self.current != Some(header) {
            self.change_header(header);
        }
        writer.entry(&mut self.buffer, window, entry);
        if self.buffer.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    /// Records of flows, all with one header.
    pub(super) fn flows(
        &mut self,
        header: usize,
        writer: &mut RecordWriter,
        window: &WindowBounds,
        flows: &[FlowFacts],
    ) -> Result<(), OutputError> {
        if self.current != Some(header) && !flows.is_empty() {
            self.change_header(header);
        }
        writer.flows(&mut self.buffer, window, flows);
        if self.buffer.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    #[cold]
    fn change_header(&mut self, header: usize) {
        self.buffer.reserve(BUFFER_BYTES.saturating_sub(self.buffer.len()));
        self.current = Some(header);
        self.buffer.extend_from_slice(self.headers.get(header).map_or(&[], Vec::as_slice));
    }

    fn write(&mut self) -> Result<(), OutputError> {
        let result = self.target.lock().write_all(&self.buffer);
        self.buffer.clear();
        result.map_err(OutputError::stdout)
    }

    /// Writes what is in the buffer.
    pub(super) fn flush(&mut self) -> Result<(), OutputError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.write()?;
        self.target.flush().map_err(OutputError::stdout)
    }
}
