from imcsim.analog.convert import convert as convert
from imcsim.analog.loading import load_converted as load_converted
from imcsim.api import load as load
from imcsim.api import plot as plot
from imcsim.chip.given import Chip as Chip
from imcsim.chip.price import price as price
from imcsim.chip.report import Report as Report
from imcsim.learn.domains import multi_domain as multi_domain
from imcsim.learn.face import learn as learn
from imcsim.learn.method import Method as Method
from imcsim.learn.rebuild import network_after as network_after
from imcsim.learn.stream import Stream as Stream
from imcsim.learn.stream import split as split
from imcsim.study.sweep import sweep as sweep
from imcsim.trace.trace import Trace as Trace

__version__: str
