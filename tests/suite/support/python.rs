//! Python's own web server over a directory, with or without TLS.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Prints the port it was given, then serves until it is killed.
/// `/down/X` redirects to where no TLS is.
const SCRIPT: &str = r#"
import functools, http.server, ssl, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/down/"):
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1" + self.path[5:])
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *args):
        pass
handler = functools.partial(Handler, directory=sys.argv[1])
server = Server(("127.0.0.1", 0), handler)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

/// Ends with the test.
pub struct Python {
    child: Child,
    port: u16,
}

impl Python {
    /// Certificate and key make it speak TLS. `None`, said aloud, where there is no Python.
    pub fn serve(directory: &Path, tls: Option<(&Path, &Path)>) -> Option<Python> {
        let mut command = Command::new("python3");
        command.args(["-c", SCRIPT]).arg(directory);
        if let Some((certificate, key)) = tls {
            command.arg(certificate).arg(key);
        }
        let Ok(mut child) = command.stdout(Stdio::piped()).spawn() else {
            super::told::left_out("no python3");
            return None;
        };
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Some(Python { child, port })
    }

    /// Host and port.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
