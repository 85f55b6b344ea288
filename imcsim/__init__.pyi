from imcsim.analog.convert import convert as convert
from imcsim.analog.loading import load_converted as load_converted
from imcsim.api import load as load
from imcsim.api import plot as plot
from imcsim.chip.price import price as price
from imcsim.learn.domains import multi_domain as multi_domain
from imcsim.learn.face import learn as learn
from imcsim.learn.rebuild import network_after as network_after
from imcsim.learn.stream import split as split
from imcsim.study.sweep import sweep as sweep

__version__: str
