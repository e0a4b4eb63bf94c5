//! The NIC's end of the socket: serves what the client asks, and keeps the stage's registers.

use super::Event;
use super::function::{Function, by_dwords, dwords};
use super::socket::{Answer, Ends, Message};
use crate::card::{Card, SimIo};
use driver::stage::{self, Command, State, offset};
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::Duration;

/// The only client has gone.
#[derive(Debug)]
pub(super) struct Left;

/// Registers of the stage.
#[derive(Debug)]
struct Registers {
    state: State,
    until_ns: u64,
    command: Option<Command>,
    next_ns: u64,
    frames: u64,
    unclaimed: u64,
    damaged: bool,
}

/// The NIC's end.
pub(super) struct Link {
    card: Rc<Card>,
    function: Function,
    ends: Ends,
    stage: Registers,
    once: bool,
    has_client: bool,
    faults: u64,
    told: Box<dyn FnMut(Event)>,
}

impl Link {
    pub(super) fn new(card: Rc<Card>, ends: Ends, state: State, once: bool, told: Box<dyn FnMut(Event)>) -> Self {
        let function = Function::new(Rc::clone(&card));
        let stage =
            Registers { state, until_ns: 0, command: None, next_ns: 0, frames: 0, unclaimed: 0, damaged: false };
        Self { card, function, ends, stage, once, has_client: false, faults: 0, told }
    }

    /// BAR0, as the NIC has it.
    pub(super) const fn io(&self) -> &SimIo {
        self.function.io()
    }

    /// The time of the next frame.
    pub(super) fn set_next(&mut self, next_ns: Option<u64>) {
        self.stage.next_ns = next_ns.unwrap_or(u64::MAX);
        if next_ns.is_none() {
            (self.told)(Event::TrafficOver);
        }
    }

    /// Whether there is no frame any more.
    pub(super) const fn is_over(&self) -> bool {
        self.stage.next_ns == u64::MAX
    }

    pub(super) const fn set_counts(&mut self, frames: u64, unclaimed: u64) {
        (self.stage.frames, self.stage.unclaimed) = (frames, unclaimed);
    }

    pub(super) const fn set_damaged(&mut self, damaged: bool) {
        self.stage.damaged |= damaged;
    }

    /// Serves until the host gives a command.
    pub(super) fn wait_for_command(&mut self) -> Result<(Command, u64), Left> {
        self.stage.state = State::Idle;
        loop {
            self.serve_next()?;
            if let Some(command) = self.stage.command.take() {
                self.stage.state = State::Running;
                return Ok((command, self.stage.until_ns));
            }
        }
    }

    /// Serves, while time stands still, until the host has come.
    pub(super) fn wait_for_host(&mut self) -> Result<(), Left> {
        self.stage.state = State::Interrupted;
        while self.stage.command.take() != Some(Command::GoOn) {
            self.serve_next()?;
        }
        self.stage.state = State::Running;
        Ok(())
    }

    fn serve_next(&mut self) -> Result<(), Left> {
        let message = self.ends.0.recv().map_err(|_| Left)?;
        self.serve(message)
    }

    /// Serves what is there.
    pub(super) fn serve_pending(&mut self) -> Result<(), Left> {
        loop {
            match self.ends.0.try_recv() {
                Ok(message) => self.serve(message)?,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(Left),
            }
        }
    }

    /// Serves what is there, and waits for it so long.
    pub(super) fn serve_for(&mut self, time: Duration) -> Result<(), Left> {
        match self.ends.0.recv_timeout(time) {
            Ok(message) => self.serve(message)?,
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => return Err(Left),
        }
        self.serve_pending()
    }

    fn serve(&mut self, message: Message) -> Result<(), Left> {
        if matches!(message, Message::Left) {
            return self.client_left();
        }
        if !self.has_client {
            self.has_client = true;
            (self.told)(Event::Came);
        }
        let resets = self.function.resets();
        if let Some(answer) = self.answer(message) {
            self.ends.1.send(answer).map_err(|_| Left)?;
        }
        if self.function.resets() != resets {
            (self.told)(Event::Reset);
        }
        let faults = self.card.nic().dma_faults();
        if let Some(last) = faults.last.filter(|_| faults.count != self.faults) {
            self.faults = faults.count;
            (self.told)(Event::Fault { count: faults.count, iova: last.iova, bytes: last.bytes });
        }
        Ok(())
    }

    fn client_left(&mut self) -> Result<(), Left> {
        if std::mem::take(&mut self.has_client) {
            self.function.client_left();
            (self.told)(Event::Went);
            return if self.once { Err(Left) } else { Ok(()) };
        }
        Ok(())
    }

    fn answer(&mut self, message: Message) -> Option<Answer> {
        let none = |result: std::io::Result<()>| Some(result.map(|()| Vec::new()));
        match message {
            Message::Read { region, offset, bytes } => {
                let mut data = vec![0xff; bytes];
                if region as usize != stage::BAR {
                    self.function.read(region, offset, &mut data);
                } else if self.function.has_memory() {
                    by_dwords(offset, &mut data, |at| self.read_stage(at));
                }
                Some(Ok(data))
            }
            Message::Write { region, offset, data } => {
                if region as usize != stage::BAR {
                    self.function.write(region, offset, &data);
                } else if self.function.has_memory() {
                    dwords(offset, &data).for_each(|(at, value)| self.write_stage(at, value));
                }
                None
            }
            Message::Map { iova, bytes, offset, file } => none(self.function.map(iova, bytes, offset, &file)),
            Message::Unmap { iova, bytes } => {
                self.function.unmap(iova, bytes);
                none(Ok(()))
            }
            Message::Vectors { start, count, fds } => none(self.function.set_vectors(start, count, fds)),
            Message::Reset => {
                self.function.reset();
                none(Ok(()))
            }
            Message::Left => None,
        }
    }

    fn read_stage(&self, at: u32) -> u32 {
        const HIGH: u32 = 4;
        let registers = &self.stage;
        let pair = |value: u64, at: u32| if at & HIGH == 0 { value as u32 } else { (value >> 32) as u32 };
        match at {
            offset::MAGIC => stage::MAGIC,
            offset::VERSION => stage::VERSION,
            offset::STATE => registers.state as u32,
            offset::DAMAGED => registers.damaged.into(),
            _ => match at & !HIGH {
                offset::UNTIL => pair(registers.until_ns, at),
                offset::NOW => pair(self.card.now_ns(), at),
                offset::NEXT => pair(registers.next_ns, at),
                offset::FRAMES => pair(registers.frames, at),
                offset::UNCLAIMED => pair(registers.unclaimed, at),
                _ => 0,
            },
        }
    }

    fn write_stage(&mut self, at: u32, value: u32) {
        let registers = &mut self.stage;
        match at {
            offset::UNTIL => registers.until_ns = registers.until_ns >> 32 << 32 | u64::from(value),
            0x14 => registers.until_ns = registers.until_ns & 0xffff_ffff | u64::from(value) << 32,
            offset::COMMAND => {
                let fits = match registers.state {
                    State::Idle => [Command::Run, Command::Advance, Command::Sleep].as_slice(),
                    State::Interrupted => &[Command::GoOn],
                    State::Live | State::Running => &[],
                };
                registers.command = Command::from_bits(value).filter(|command| fits.contains(command));
            }
            _ => {}
        }
    }
}
