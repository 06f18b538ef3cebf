//! The program as a process, at its most talkative, with all that it writes searched for secrets.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use intertie::sandbox;

use super::watch;

/// The program with these arguments, and one secret for its configuration.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_intertie"));
    command
        .args(arguments)
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        .env("SECRET", sandbox::gentrack::CLIENT_SECRET);
    command
}

/// Runs the program to its end: the exit code, standard output and standard error.
pub fn outcome(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command(arguments).output().unwrap();
    searched(&stdout, &stderr);
    (
        status.code(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

fn searched(stdout: &[u8], stderr: &[u8]) {
    watch::output("standard output of the program", stdout);
    watch::log("standard error of the program", stderr);
}

/// A running program; killed when the test is over, whatever became of it.
pub struct Program {
    /// Where it takes calls.
    pub addr: SocketAddr,
    /// What it printed up to `ready`.
    pub printed: Vec<String>,
    child: Child,
    out: BufReader<ChildStdout>,
    errors: File,
}

/// What became of a program.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub code: Option<i32>,
    /// What was printed after `ready`.
    pub printed: String,
    /// Standard error.
    pub log: String,
}

impl Program {
    /// Starts it and waits until it is ready.
    pub fn start(mut command: Command) -> Self {
        // A file, because nobody reads a pipe while the test goes on.
        let errors = tempfile::tempfile().unwrap();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(errors.try_clone().unwrap())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut program = Self {
            addr: SocketAddr::from(([0; 4], 0)),
            printed: Vec::new(),
            child,
            out,
            errors,
        };
        loop {
            let mut line = String::new();
            if program.out.read_line(&mut line).unwrap() == 0 {
                let (printed, log) = (program.printed.concat(), program.log());
                panic!("it ended before it was ready: {printed}{log}");
            }
            if let Some(addr) = line.strip_prefix("ready http://") {
                program.addr = addr.trim_end().parse().unwrap();
                return program;
            }
            program.printed.push(line);
        }
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, such as `-TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let mut printed = String::new();
        self.out.read_to_string(&mut printed).unwrap();
        watch::output("standard output of the program", printed.as_bytes());
        Ended {
            code: self.child.wait().unwrap().code(),
            printed,
            log: self.log(),
        }
    }

    /// Standard error so far.
    fn log(&mut self) -> String {
        let mut log = Vec::new();
        self.errors.rewind().unwrap();
        self.errors.read_to_end(&mut log).unwrap();
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut rest = self.printed.concat().into_bytes();
        let _ = self.out.read_to_end(&mut rest);
        let log = self.log();
        searched(&rest, log.as_bytes());
    }
}
