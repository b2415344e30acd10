# Every target is a task of tasks.py; on Windows: python tasks.py evaluate
# make evaluate ARGS="-p language=en"    make test ARGS="-k printed"    make lock ARGS=--upgrade

# The first Python that is new enough. An answer of "no" may also come from a launcher that finds none.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
TASKS := evaluate test setup lab notebooks bench soak lock clean help

.PHONY: $(TASKS)
.DEFAULT_GOAL := help

$(TASKS):
	@$(or $(PYTHON),$(error Cần Python 3.11 trở lên · Python 3.11 or later is needed: make PYTHON=...)) tasks.py $@ $(ARGS)
