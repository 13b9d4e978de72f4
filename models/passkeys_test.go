package models_test

import _ "github.com/descope/virtualwebauthn"
