-- Whether a change can be made at all: this one leaves everything as it is.
UPDATE fencing_token SET last = last WHERE id = 1
