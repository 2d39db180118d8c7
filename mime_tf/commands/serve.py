"""The command `serve`."""

from argparse import Namespace

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value
from mime_tf.constraints import at_least
from mime_tf.terminal import environment, packages
from mime_tf.terminal.console import Console

EPILOG = """example:
  mime-tf serve --model runs/hf_r0s0
  curl -H 'Content-Type: application/json' -d '{"patients": [{"visits": [[{"dx": "44054006"}]]}]}' \\
      http://127.0.0.1:8000/predict

  POST /predict       patients as JSON in, probabilities out
  GET  /health        state, and the outcome predicted
  GET  /openapi.json  all forms; /docs shows them as a page, whose scripts the browser takes from the internet
  GET  /cds-services  CDS Hooks' discovery; POST /cds-services/mime-tf answers a bundle of FHIR with a card

The server has no users and no encryption: it listens to this machine alone unless --host says otherwise, and belongs
behind a server that has them. Records are neither logged nor kept. docs/serve.md has all of it."""


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(program, "Serves the model of a fitted split by HTTP.", EPILOG)
    options.add_model(parser)
    options.add(parser, "host", Value(str), "address to listen to", "127.0.0.1", metavar="ADDRESS")
    options.add(parser, "port", Value(int, at_least(0, at_most=65_535)), "port; 0 for a free one", 8000)
    options.add_title(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command until it is interrupted."""
    packages.require("fastapi", "serve", "serve")
    uvicorn = packages.require("uvicorn", "serve", "serve")
    from mime_tf.runs.opening import fitted_split

    console = Console(period=5.0)
    fitted = fitted_split(arguments.model)
    environment.import_tensorflow()
    from mime_tf.export import service
    from mime_tf.serve.app import create_app
    from mime_tf.serve.model import ServedModel

    for note in (*fitted.notes, *service.notes(fitted)):
        console.note(note)
    console.progress(f"opening {arguments.model}")
    app = create_app(ServedModel(fitted, arguments.title))
    # No access log: addresses of patients' pages have no place there.
    config = uvicorn.Config(app, host=arguments.host, port=arguments.port, access_log=False, log_level="warning")
    listener = config.bind_socket()
    listener.listen()  # so that a call waits from the printed line on
    host, port = listener.getsockname()[:2]
    console.line(f"http://{host}:{port}: serving {arguments.model}; Ctrl-C ends it")
    uvicorn.Server(config).run(sockets=[listener])
