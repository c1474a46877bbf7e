import sys

from aubert.cli import main

sys.exit(main())
