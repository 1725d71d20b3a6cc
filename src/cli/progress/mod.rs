//! Progress on standard error: events come in from many threads, one thread draws.

mod json;
mod line;
mod state;

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value};

use crate::event::{Event, Sink};
use crate::ops::LogTail;

use super::args::ProgressMode;
use state::{Phase, Snapshot, State};

/// Progress is drawn while this lives.
pub(super) struct Progress {
    shared: Arc<Shared>,
    drawer: Option<JoinHandle<()>>,
}

struct Shared {
    state: State,
    screen: Screen,
    over: Mutex<bool>,
    woken: Condvar,
}

/// Where progress goes.
enum Screen {
    Bar(ProgressBar),
    Plain,
    Json(JsonLines),
    Quiet,
}

/// Lines of JSON: what stands in each of them, and who else takes them.
#[derive(Debug, Default)]
pub(super) struct JsonLines {
    pub fields: Map<String, Value>,
    pub tail: LogTail,
}

impl Progress {
    /// Begins. `bar` needs a terminal and is `plain` without one.
    pub fn start(mode: ProgressMode) -> Self {
        Self::with(mode, JsonLines::default())
    }

    /// Begins; if lines are of JSON, with these fields.
    pub fn with(mode: ProgressMode, lines: JsonLines) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let screen = match mode {
            ProgressMode::Json => Screen::Json(lines),
            ProgressMode::None => Screen::Quiet,
            ProgressMode::Auto | ProgressMode::Bar if terminal => Screen::Bar(bar()),
            ProgressMode::Auto | ProgressMode::Bar | ProgressMode::Plain => Screen::Plain,
        };
        let state = State::new(Instant::now());
        let shared = Arc::new(Shared { state, screen, over: Mutex::new(false), woken: Condvar::new() });
        let drawing = Arc::clone(&shared);
        // Without a thread there are still the lines for changes of state.
        let drawer =
            std::thread::Builder::new().name("progress".to_owned()).spawn(move || drawing.draw()).ok();
        Self { shared, drawer }
    }

    /// Where the work reports to.
    pub fn sink(&self) -> Sink {
        let shared = Arc::clone(&self.shared);
        Sink::new(move |event| {
            shared.state.record(&event, Instant::now());
            shared.screen.event(&event);
        })
    }

    /// Ends; a bar is wiped away.
    pub fn finish(self) {
        *self.shared.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.woken.notify_all();
        if let Some(drawer) = self.drawer {
            // It cannot fail but by a panic, which the hook has shown.
            let _ = drawer.join();
        }
        self.shared.wipe();
    }

    /// Wipes a bar away when the process is about to end in the middle of the work.
    pub fn wiper(&self) -> impl Fn() + Send + use<> {
        let shared = Arc::clone(&self.shared);
        move || shared.wipe()
    }
}

impl Shared {
    fn wipe(&self) {
        if let Screen::Bar(bar) = &self.screen {
            bar.finish_and_clear();
        }
    }

    /// Draws at each interval until the end.
    fn draw(&self) {
        let Some(interval) = self.screen.interval() else { return };
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Instant::now() + interval;
        while !*over {
            let now = Instant::now();
            if now >= next {
                self.screen.tick(&self.state.snapshot(now));
                next = now + interval;
            }
            let wait = next.saturating_duration_since(Instant::now());
            over = self.woken.wait_timeout(over, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Screen {
    const fn interval(&self) -> Option<Duration> {
        match self {
            Self::Bar(_) => Some(Duration::from_millis(100)),
            Self::Json(_) => Some(Duration::from_secs(1)),
            Self::Plain => Some(Duration::from_secs(2)),
            Self::Quiet => None,
        }
    }

    fn event(&self, event: &Event) {
        match self {
            Self::Json(lines) => {
                if let Some(value) = json::event(event) {
                    lines.put(value);
                }
            }
            Self::Bar(bar) => {
                if let Some(line) = line::change(event) {
                    bar.println(line);
                }
            }
            Self::Quiet if !line::is_message(event) => (),
            Self::Plain | Self::Quiet => {
                if let Some(line) = line::change(event) {
                    plain_line(&line);
                }
            }
        }
    }

    fn tick(&self, snapshot: &Snapshot) {
        match self {
            Self::Json(lines) => lines.put(json::progress(snapshot)),
            Self::Bar(bar) => {
                bar.set_position(if snapshot.phase == Phase::Planning { 0 } else { snapshot.permille() });
                bar.set_prefix(line::place(snapshot));
                bar.set_message(line::detail(snapshot));
                bar.tick();
            }
            Self::Plain => plain_line(&line::progress(snapshot)),
            Self::Quiet => (),
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{spinner} [{bar:30}] {prefix}\n  {wide_msg}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        // The template is a constant; the default style would do as well.
        Err(_) => bar,
    }
}

/// One system call a line: standard error has no buffer. It may be gone: then there is nobody to
/// tell, and the work goes on.
fn plain_line(line: &str) {
    let _ = std::io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

impl JsonLines {
    fn put(&self, mut value: Value) {
        if let Value::Object(map) = &mut value {
            for (key, field) in &self.fields {
                map.entry(key.clone()).or_insert_with(|| field.clone());
            }
            if !self.fields.is_empty() {
                let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
                map.insert("time".to_owned(), Value::String(now));
            }
        }
        let line = value.to_string();
        self.tail.push(&line);
        plain_line(&line);
    }
}
